// The same service on Go's net/http and the AWS SDK for Go v2: POST /reviews, one PutItem, one answer.
// See ../README.md for what it does and does not do.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	bodyLimit   = 64 * 1024
	connections = 256 // kept to DynamoDB; the default of 10 would open a new one for most calls
	deadline    = 29 * time.Second
)

type service struct {
	table   *string
	client  *dynamodb.Client
	lexicon lexicon
}

func answer(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"message":"Internal Server Error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"message": message})
}

func text(value string) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: value}
}

func (s *service) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	if err != nil {
		return // the client is gone
	}
	review, err := parse(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	polarity := s.lexicon.polarity(review.text)
	label := sentiment(polarity)
	ctx, cancel := context.WithTimeout(r.Context(), deadline)
	defer cancel()
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: s.table,
		Item: map[string]types.AttributeValue{
			"user_name":      text(review.userName),
			"timestamp":      text(time.Now().UTC().Format("2006-01-02T15:04:05.000000")),
			"review":         text(review.text),
			"sentiment":      text(label),
			"polarity_score": text(score(polarity)),
		},
	})
	if r.Context().Err() != nil {
		return // the client is gone
	}
	if err != nil {
		log.Print(err)
		refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	answer(w, http.StatusOK, fmt.Sprintf("Processed as %s (Score: %.2f)", label, polarity))
}

func start() (*service, error) {
	words, err := readLexicon(os.Getenv("LEXICON"))
	if err != nil {
		return nil, err
	}
	transport := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns = connections
		t.MaxIdleConnsPerHost = connections
	})
	settings, err := config.LoadDefaultConfig(context.Background(), config.WithHTTPClient(transport))
	if err != nil {
		return nil, err
	}
	table := os.Getenv("TABLE_NAME")
	return &service{&table, dynamodb.NewFromConfig(settings), words}, nil
}

func main() {
	s, err := start()
	if err != nil {
		log.Fatal(err)
	}
	routes := http.NewServeMux()
	routes.HandleFunc("POST /reviews", s.post)
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), routes))
}
