// What npm `@uniswap/v2-sdk` makes of random pools: one JSON object a line, on stdout.
//
//   node v2_sdk_vectors.mjs --seed 1 --count 10000
//
// {"exact_out": false, "amount": "0x…", "hops": [["0x…in", "0x…out"], …], "amounts": ["0x…", …]}
// or, in place of amounts, {"error": "InsufficientReservesError"}. The same seed draws the same cases.

import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'

// The SDK's ES module build does not load in Node; its CommonJS build does.
const require = createRequire(import.meta.url)
const { CurrencyAmount, Token } = require('@uniswap/sdk-core')
const { Pair } = require('@uniswap/v2-sdk')

const { values } = parseArgs({ options: { seed: { type: 'string' }, count: { type: 'string' } } })
const seed = BigInt(values.seed ?? '1')
const count = Number(values.count ?? '10000')

const MAX_HOPS = 3
const RESERVE_BITS = 112

const tokens = Array.from({ length: MAX_HOPS + 1 }, (_, n) => {
  const address = '0x' + String(n + 1).padStart(40, '0')
  return new Token(1, address, 18, `T${n}`)
})

// splitmix64
let state = seed
function word() {
  state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n)
  let z = state
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
  return z ^ (z >> 31n)
}

function below(end) {
  return Number(word() % BigInt(end))
}

// Every length in bits as likely as any other.
function amount(bits) {
  const length = BigInt(below(bits))
  const lead = 1n << length
  return lead | (((word() << 64n) | word()) & (lead - 1n))
}

// Mostly sensible for a reserve; now and then the edges.
function amountNear(reserve) {
  switch (below(20)) {
    case 0: return 0n
    case 1: return reserve
    case 2: return reserve + 1n
    default: return amount(reserve.toString(2).length)
  }
}

function oneCase() {
  const hops = Array.from({ length: 1 + below(MAX_HOPS) }, () => [amount(RESERVE_BITS), amount(RESERVE_BITS)])
  const route = shuffled(tokens).slice(0, hops.length + 1)
  const pairs = hops.map(([reserveIn, reserveOut], n) =>
    new Pair(
      CurrencyAmount.fromRawAmount(route[n], reserveIn.toString()),
      CurrencyAmount.fromRawAmount(route[n + 1], reserveOut.toString()),
    ))
  const exactOut = below(2) === 0
  const given = exactOut ? amountNear(hops.at(-1)[1]) : amountNear(hops[0][0])
  const vector = {
    exact_out: exactOut,
    amount: hex(given),
    hops: hops.map((reserves) => reserves.map(hex)),
  }
  try {
    const amounts = exactOut ? inputs(route, pairs, given) : outputs(route, pairs, given)
    return { ...vector, amounts: amounts.map((amount) => hex(BigInt(amount.quotient.toString()))) }
  } catch (error) {
    if (!error.isInsufficientReservesError && !error.isInsufficientInputAmountError) throw error
    return { ...vector, error: error.name }
  }
}

function outputs(route, pairs, given) {
  const amounts = [CurrencyAmount.fromRawAmount(route[0], given.toString())]
  for (const pair of pairs) amounts.push(pair.getOutputAmount(amounts.at(-1))[0])
  return amounts
}

function inputs(route, pairs, given) {
  const amounts = [CurrencyAmount.fromRawAmount(route.at(-1), given.toString())]
  for (const pair of pairs.toReversed()) amounts.unshift(pair.getInputAmount(amounts[0])[0])
  return amounts
}

function shuffled(items) {
  const left = [...items]
  return items.map(() => left.splice(below(left.length), 1)[0])
}

function hex(value) {
  return '0x' + value.toString(16)
}

for (let n = 0; n < count; n++) {
  if (!process.stdout.write(JSON.stringify(oneCase()) + '\n')) {
    await new Promise((resolve) => process.stdout.once('drain', resolve))
  }
}
