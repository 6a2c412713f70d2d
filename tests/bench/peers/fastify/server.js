// The same service on fastify and the AWS SDK for JavaScript v3: POST /reviews, one PutItem, one answer.
// See ../README.md for what it does and does not do.
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import Fastify from 'fastify';

const BODY_LIMIT = 64 * 1024;
const USER_NAME_MAX = 2048; // bytes
const CONNECTIONS = { keepAlive: true, maxSockets: 256 }; // the default is 50

const table = process.env.TABLE_NAME;
const lexicon = new Map(Object.entries(JSON.parse(readFileSync(process.env.LEXICON, 'utf8'))));
const dynamodb = new DynamoDBClient({
  requestHandler: new NodeHttpHandler({
    httpAgent: new HttpAgent(CONNECTIONS),
    httpsAgent: new HttpsAgent(CONNECTIONS),
  }),
});

const schema = {
  body: {
    type: 'object',
    required: ['review'],
    properties: {
      user_name: { type: 'string', minLength: 1, pattern: '^[^\\u0000-\\u001f]*$', default: 'Anonymous' },
      review: { type: 'string', pattern: '\\S' },
    },
  },
};

// The mean of the words that are known.
function polarityOf(text) {
  let sum = 0;
  let known = 0;
  for (const word of text.toLowerCase().match(/[a-z']+/g) ?? []) {
    const value = lexicon.get(word);
    if (value !== undefined) {
      sum += value;
      known++;
    }
  }
  return known === 0 ? 0 : sum / known;
}

function sentimentOf(polarity) {
  return polarity > 0.1 ? 'Positive' : polarity < -0.1 ? 'Negative' : 'Neutral';
}

// As Python's str() has it.
function scoreOf(polarity) {
  return Number.isInteger(polarity) ? polarity.toFixed(1) : String(polarity);
}

const app = Fastify({ bodyLimit: BODY_LIMIT, ajv: { customOptions: { coerceTypes: false } } });

app.setErrorHandler((error, request, reply) => {
  const status = error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : 503;
  if (status === 503) console.error(error);
  reply.code(status).send({ message: status === 413 ? 'Request Too Long' : error.message });
});

app.post('/reviews', { schema }, async (request, reply) => {
  const { user_name: userName, review } = request.body;
  if (Buffer.byteLength(userName) > USER_NAME_MAX) {
    return reply.code(400).send({ message: 'user_name must have 1 to 2048 bytes' });
  }
  const polarity = polarityOf(review);
  const sentiment = sentimentOf(polarity);
  await dynamodb.send(
    new PutItemCommand({
      TableName: table,
      Item: {
        user_name: { S: userName },
        timestamp: { S: new Date().toISOString().replace('Z', '000') },
        review: { S: review },
        sentiment: { S: sentiment },
        polarity_score: { S: scoreOf(polarity) },
      },
    }),
  );
  return reply.type('application/json').send(JSON.stringify(`Processed as ${sentiment} (Score: ${polarity.toFixed(2)})`));
});

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
