//! Writes down by which documents the dashboard asks: each as the two clients send it, with its id, for the API
//! (schemas/graphql/dashboard.json), and the ids for the dashboard. With `--check` it only says what has changed.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatDocument, stringifyDocument } from '@urql/core';
import { Kind } from 'graphql';
import type { DocumentNode } from 'graphql';
import * as generated from '../src/shared/gql/graphql';

const KNOWN = '../../schemas/graphql/dashboard.json';
const IDS = '../src/shared/gql/ids.ts';

const known: Record<string, string> = {};
const plain: Record<string, string> = {};
const typed: Record<string, string> = {};

function add(document: DocumentNode): string {
  const text = stringifyDocument(document);
  const id = createHash('sha256').update(text).digest('hex');
  known[id] = text;
  return id;
}

for (const document of Object.values<DocumentNode>(generated)) {
  const name = document.definitions.find((each) => each.kind === Kind.OPERATION_DEFINITION)?.name?.value;
  if (!name) continue;
  plain[name] = add(document);
  typed[name] = add(formatDocument(document) as DocumentNode);
}

const record = (name: string, what: string, ids: object) =>
  `/** ${what} */\nexport const ${name}: Readonly<Record<string, string>> = ${JSON.stringify(ids, null, 2)};\n`;

const outputs = {
  [KNOWN]: `${JSON.stringify(known, null, 2)}\n`,
  [IDS]: [
    '//! Ids of the documents, by the names of their operations. Made by `npm run codegen`.\n',
    record('plain', 'As they stand.', plain),
    record('typed', 'With the type of everything, as a normalised cache asks for it.', typed),
  ].join(''),
};

for (const [path, text] of Object.entries(outputs)) {
  const file = fileURLToPath(new URL(path, import.meta.url));
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${path} is not what src asks: npm run codegen`);
    process.exitCode = 1;
  }
}
