// The official parser as a line of answers: reads one JSON string per line, the text of a set of models, and writes one line of
// JSON per line read: {"valid": true}, {"errors": [validation id...]}, {"undefined": [id...]} or {"failed": message}.

import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const modules = process.argv[2]
const interop = `${modules}/@digicatapult/dtdl-parser/build/interop/modelParser.js`
// The runtime greets on standard output, which is for answers.
console.log = console.error
const { parse, parserVersion } = await import(pathToFileURL(interop))
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)
say({ version: parserVersion() })

const answer = (text) => {
  try {
    parse(text)
    return { valid: true }
  } catch (error) {
    return refusal(error.message)
  }
}

const refusal = (message) => {
  try {
    const told = JSON.parse(message)
    if (told.ExceptionKind === 'Parsing') return { errors: told.Errors.map((error) => error.ValidationID) }
    if (told.ExceptionKind === 'Resolution') return { undefined: told.UndefinedIdentifiers }
  } catch {
    // Not what the parser says of models, but its own failure.
  }
  return { failed: message }
}

for await (const line of createInterface({ input: process.stdin })) say(answer(JSON.parse(line)))
