// Write every event of Node's own test runner as a JSON line to the check's private folder.
// Loaded with NODE_OPTIONS=--test-reporter, so that it works whatever the package's test script looks like.
import { appendFileSync } from 'node:fs';

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (!/^test:(start|pass|fail|stderr)$/.test(type)) continue;
    const { name, nesting, file, line, message, skip, todo, details } = data;
    const error = details?.error;
    const record = {
      type, name, nesting, file, line, message,
      skipped: skip !== undefined || todo !== undefined,
      suite: details?.type === 'suite',
      failure: error?.failureType,
      error: error && String(error.cause?.message ?? error.cause ?? error.message).slice(0, 4000),
    };
    appendFileSync(`${process.env.FACTOR12_CHECK}/report`, JSON.stringify(record) + '\n');
    if (type === 'test:fail') yield `not ok ${name}\n`;
  }
}
