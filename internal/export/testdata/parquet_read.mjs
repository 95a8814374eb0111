// Reads a Parquet file with hyparquet and compares it with what was written: each line
// of EXPECTED is a row in JSON, with the values as texts. What hyparquet would make
// doubles and milliseconds of is asked for as it is stored, and read by the type that
// hyparquet finds in the schema. Prints the rows, the row groups and the position.
//
// usage: parquet_read.mjs FILE EXPECTED, in a directory with hyparquet
import fs from 'node:fs'
import readline from 'node:readline'
import zlib from 'node:zlib'
import { pathToFileURL } from 'node:url'

const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } =
  await import(pathToFileURL(process.cwd() + '/node_modules/hyparquet/src/node.js'))

const file = await asyncBufferFromFile(process.argv[2])
const metadata = await parquetMetadataAsync(file)
const types = {}
for (const e of metadata.schema) {
  types[e.name] = { ...e }
  if (['DECIMAL', 'TIMESTAMP', 'TIME'].includes(e.logical_type?.type)) {
    delete e.logical_type
    delete e.converted_type
  }
}

function decimal(v, e) {
  const n = v instanceof Uint8Array ? BigInt.asIntN(8 * v.length, BigInt('0x' + Buffer.from(v).toString('hex'))) : BigInt(v)
  const digits = String(n < 0n ? -n : n).padStart(e.scale + 1, '0')
  return (n < 0n ? '-' : '') + digits.slice(0, digits.length - e.scale) + (e.scale ? '.' + digits.slice(-e.scale) : '')
}

function micros(v) { // since an epoch, floored
  const second = (v - ((v % 1000000n) + 1000000n) % 1000000n) / 1000000n
  return [new Date(Number(second) * 1000).toISOString().slice(0, -5), String(v - second * 1000000n).padStart(6, '0')]
}

function text(v, name) {
  const e = types[name], l = e.logical_type
  if (v === null || v === undefined) return null
  if (Array.isArray(v)) return v.map(fields)
  switch (l?.type) {
    case 'DECIMAL': return decimal(v, e)
    case 'DATE': return v.toISOString().slice(0, 10)
    case 'TIMESTAMP': {
      if (!l.isAdjustedToUTC || l.unit !== 'MICROS') throw new Error(name + ' is no moment in UTC')
      return micros(v).join('.') + 'Z'
    }
    case 'TIME': return micros(v).join('.').slice(11)
    case 'STRING': return v
  }
  if (v instanceof Uint8Array) return Buffer.from(v).toString('base64url')
  return Object.is(v, Infinity) ? 'INF' : String(v)
}

const fields = row => Object.fromEntries(Object.entries(row).map(([name, v]) => [name, text(v, name)]))

const wanted = readline.createInterface({ input: fs.createReadStream(process.argv[3]), crlfDelay: Infinity })[Symbol.asyncIterator]()
const compressors = { GZIP: input => new Uint8Array(zlib.gunzipSync(input)) }
let n = 0
for (const group of metadata.row_groups) {
  const rows = await parquetReadObjects({ file, metadata, compressors, utf8: false, rowStart: n, rowEnd: n + Number(group.num_rows) })
  for (const row of rows) {
    const got = JSON.stringify(fields(row))
    // A TextDecoder takes the mark away that a text begins with.
    const want = JSON.stringify(JSON.parse((await wanted.next()).value, (_, v) => typeof v === 'string' ? v.replace(/^\uFEFF/, '') : v))
    if (got !== want) { console.error(`row ${n}: ${got}, not ${want}`); process.exit(1) }
    n++
  }
}
if (!(await wanted.next()).done) { console.error(`rows are missing behind ${n}`); process.exit(1) }
console.log(n, metadata.row_groups.length, metadata.key_value_metadata.find(p => p.key === 'gatehouse.position').value)
