package main

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
)

const userNameMax = 2048 // bytes

type review struct {
	userName string
	text     string
}

// Parses and validates a body; the error is for the client.
func parse(body []byte) (review, error) {
	var fields struct {
		UserName *string `json:"user_name"`
		Review   *string `json:"review"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return review{}, err
	}
	out := review{userName: "Anonymous"}
	if fields.UserName != nil {
		out.userName = *fields.UserName
	}
	if fields.Review == nil || strings.TrimSpace(*fields.Review) == "" {
		return review{}, errors.New("review must not be missing or blank")
	}
	out.text = *fields.Review
	if out.userName == "" || len(out.userName) > userNameMax {
		return review{}, errors.New("user_name must have 1 to 2048 bytes")
	}
	if strings.IndexFunc(out.userName, func(r rune) bool { return r < ' ' }) >= 0 {
		return review{}, errors.New("user_name must not contain control characters")
	}
	return out, nil
}

// Words with their polarity.
type lexicon map[string]float64

func readLexicon(path string) (lexicon, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var words lexicon
	return words, json.Unmarshal(content, &words)
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '\''
}

// The mean of the words that are known.
func (l lexicon) polarity(text string) float64 {
	sum, known := 0.0, 0
	lower := strings.ToLower(text)
	for i := 0; i < len(lower); {
		start := i
		for i < len(lower) && isLetter(lower[i]) {
			i++
		}
		if value, found := l[lower[start:i]]; found {
			sum += value
			known++
		}
		i++
	}
	if known == 0 {
		return 0
	}
	return sum / float64(known)
}

func sentiment(polarity float64) string {
	switch {
	case polarity > 0.1:
		return "Positive"
	case polarity < -0.1:
		return "Negative"
	}
	return "Neutral"
}

// As Python's str() has it.
func score(polarity float64) string {
	text := strconv.FormatFloat(polarity, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}
