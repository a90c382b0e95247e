//! `foolscap quote`: what pools give for an amount, exactly.

use std::io::{self, BufRead, Write};

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use shared::market::v2::{self, Hop, PoolError, V2_FEE};
use shared::money::{Rounding, Units};
use shared::trade::Ppm;

use super::Exit;
use super::lines::{Output, lines, written};

/// What pools give for an amount. Without flags, requests are read from standard input, a line each.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A pool on the route, in the direction of the trade: RESERVE_IN,RESERVE_OUT[,FEE], the fee in
    /// parts per million or `v2` (which it is when left out). Once a hop.
    #[arg(long = "hop", value_name = "POOL", value_parser = parse_hop)]
    hops: Vec<Hop>,
    /// The exact amount that goes in, in base units
    #[arg(long = "in", value_name = "UNITS", value_parser = parse_units, conflicts_with = "exact_out")]
    exact_in: Option<Units>,
    /// The exact amount that comes out, in base units
    #[arg(long = "out", value_name = "UNITS", value_parser = parse_units)]
    exact_out: Option<Units>,
    /// Slippage tolerance in parts per million
    #[arg(long, value_name = "PPM", default_value = "5000", value_parser = parse_ppm)]
    tolerance: Ppm,
}

/// A request: a line of input.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// The pools on the route, first to last: 1 to 5.
    pub hops: Vec<PoolLine>,
    /// The exact amount that goes in, in base units. Either this or `exact_out`.
    #[serde(default)]
    pub exact_in: Option<Units>,
    /// The exact amount that comes out, in base units.
    #[serde(default)]
    pub exact_out: Option<Units>,
    /// Slippage tolerance in parts per million. Left out: 5,000, which is 0.5 %.
    #[serde(default)]
    pub tolerance: Option<Ppm>,
}

/// A pool, seen in the direction of the trade.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolLine {
    /// Reserve of the token that goes in, in base units.
    pub reserve_in: Units,
    /// Reserve of the token that comes out, in base units.
    pub reserve_out: Units,
    /// The fee. Left out: that of Uniswap V2, 0.3 %.
    #[serde(default)]
    pub fee: Option<Fee>,
}

/// A pool's fee.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Fee {
    /// In parts per million.
    Ppm(Ppm),
    /// By name.
    Named(NamedFee),
}

/// Fees with names.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedFee {
    /// Uniswap V2's: 3,000 parts per million.
    V2,
}

/// An answer: a line of output.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QuoteAnswer {
    /// The amounts along the route, in base units: what goes into the first pool, what goes from each
    /// to the next, and what comes out of the last.
    pub amounts: Vec<Units>,
    /// The first of them.
    pub amount_in: Units,
    /// The last of them.
    pub amount_out: Units,
    /// Price impact in parts per billion of the mid price, fees apart, rounded up.
    pub impact_ppb: u64,
    /// The same in percent.
    #[schema(example = "0.0301")]
    pub impact_percent: String,
    /// For an exact amount in: the least that is accepted, `amount_out × (1 − tolerance)`, rounded down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_out: Option<Units>,
    /// For an exact amount out: the most that is paid, `amount_in × (1 + tolerance)`, rounded up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_in: Option<Units>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum QuoteError {
    #[error("name either exact_in or exact_out")]
    Direction,
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// Answers the flags, or standard input.
pub fn run(args: &Args) -> Exit {
    let mut output = Output::stdout();
    if args.hops.is_empty() && args.exact_in.is_none() && args.exact_out.is_none() {
        return written(answer_lines(io::stdin().lock(), &mut output).and_then(|exit| output.finish().map(|()| exit)));
    }
    let result = match quote(&args.hops, args.exact_in, args.exact_out, args.tolerance) {
        Ok(answer) => output.line(&answer).map(|()| Exit::Ok),
        Err(error) => output.error(None, kind(&error), &error.to_string()).map(|()| exit(&error)),
    };
    written(result.and_then(|exit| output.finish().map(|()| exit)))
}

fn answer_lines(input: impl BufRead, output: &mut Output<impl Write>) -> io::Result<Exit> {
    let mut worst = Exit::Ok;
    for (number, line) in lines(input) {
        let request: QuoteRequest = match line
            .map_err(str::to_owned)
            .and_then(|line| serde_json::from_str(&line).map_err(|error| error.to_string()))
        {
            Ok(request) => request,
            Err(message) => {
                output.error(Some(number), "json", &message)?;
                worst = worst.or(Exit::BadInput);
                continue;
            }
        };
        let hops: Vec<Hop> = request.hops.iter().map(|pool| pool.hop()).collect();
        let tolerance = request.tolerance.unwrap_or(Ppm::from_bps(50));
        match quote(&hops, request.exact_in, request.exact_out, tolerance) {
            Ok(answer) => output.line(&answer)?,
            Err(error) => {
                output.error(Some(number), kind(&error), &error.to_string())?;
                worst = worst.or(exit(&error));
            }
        }
    }
    Ok(worst)
}

fn kind(error: &QuoteError) -> &'static str {
    match error {
        QuoteError::Direction => "input",
        QuoteError::Pool(_) => "pool",
    }
}

fn exit(error: &QuoteError) -> Exit {
    match error {
        QuoteError::Direction => Exit::BadInput,
        QuoteError::Pool(_) => Exit::Refused,
    }
}

fn quote(
    hops: &[Hop],
    exact_in: Option<Units>,
    exact_out: Option<Units>,
    tolerance: Ppm,
) -> Result<QuoteAnswer, QuoteError> {
    let amounts = match (exact_in, exact_out) {
        (Some(amount), None) => v2::amounts_out(amount.0, hops)?,
        (None, Some(amount)) => v2::amounts_in(amount.0, hops)?,
        _ => return Err(QuoteError::Direction),
    };
    let (first, last) = (amounts[0], amounts[amounts.len() - 1]);
    if last.is_zero() {
        return Err(PoolError::ZeroAmount.into());
    }
    let impact_ppb = v2::impact_ppb(first, last, hops)?;
    let whole = U256::from(Ppm::ONE.parts());
    let share = U256::from(tolerance.parts());
    let bound = |units: U256, share, rounding| Units(units).portion(share, whole, rounding).map_err(PoolError::from);
    let minimum_out = exact_in.map(|_| bound(last, whole - share, Rounding::Down)).transpose()?;
    let maximum_in = exact_out.map(|_| bound(first, whole + share, Rounding::Up)).transpose()?;
    Ok(QuoteAnswer {
        amount_in: Units(first),
        amount_out: Units(last),
        amounts: amounts.into_iter().map(Units).collect(),
        impact_ppb,
        // Parts per billion are percent with seven places.
        impact_percent: Units(U256::from(impact_ppb)).quantity(7).to_string(),
        minimum_out,
        maximum_in,
    })
}

impl PoolLine {
    fn hop(&self) -> Hop {
        let fee = match self.fee {
            Some(Fee::Ppm(fee)) => fee,
            Some(Fee::Named(NamedFee::V2)) | None => V2_FEE,
        };
        Hop { reserve_in: self.reserve_in.0, reserve_out: self.reserve_out.0, fee }
    }
}

fn parse_hop(text: &str) -> Result<Hop, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let (reserve_in, reserve_out, fee) = match parts.as_slice() {
        [a, b] | [a, b, "v2"] => (parse_units(a)?, parse_units(b)?, V2_FEE),
        [a, b, fee] => (parse_units(a)?, parse_units(b)?, parse_ppm(fee)?),
        _ => return Err("expected RESERVE_IN,RESERVE_OUT or RESERVE_IN,RESERVE_OUT,FEE".into()),
    };
    Ok(Hop { reserve_in: reserve_in.0, reserve_out: reserve_out.0, fee })
}

fn parse_units(text: &str) -> Result<Units, String> {
    text.parse().map_err(|error: shared::money::MoneyError| error.to_string())
}

fn parse_ppm(text: &str) -> Result<Ppm, String> {
    let ppm = text.parse().ok().and_then(Ppm::new);
    ppm.ok_or_else(|| format!("`{text}` is not a share: expected parts per million from 0 to 1000000, or `v2`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(input: &str) -> (Exit, Vec<serde_json::Value>) {
        let mut bytes = Vec::new();
        let exit = answer_lines(input.as_bytes(), &mut Output::to(&mut bytes)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        (exit, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn a_line_is_answered_with_the_exact_amounts() {
        let (exit, lines) = answer(
            r#"{"hops":[{"reserve_in":"10000","reserve_out":"5000"}],"exact_in":"1000","tolerance":10000}
               {"hops":[{"reserve_in":"10000","reserve_out":"5000","fee":"v2"}],"exact_out":"453"}
               {"hops":[{"reserve_in":"10000","reserve_out":"5000","fee":0},{"reserve_in":"7","reserve_out":"70000","fee":500}],"exact_in":"1000"}"#,
        );
        assert_eq!(exit, Exit::Ok);
        // 1000·997·5000 ÷ (10000·1000 + 1000·997) = 453.3; 453 × 0.99 = 448.47.
        assert_eq!(lines[0]["amounts"], serde_json::json!(["1000", "453"]));
        assert_eq!((&lines[0]["minimum_out"], &lines[0]["maximum_in"]), (&"448".into(), &serde_json::Value::Null));
        // 10000·453·1000 ÷ (4547·997) + 1 = 1000; 1000 × 1.005 = 1005.
        assert_eq!(lines[1]["amounts"], serde_json::json!(["1000", "453"]));
        assert_eq!(lines[1]["maximum_in"], "1005");
        assert_eq!(lines[2]["amounts"].as_array().unwrap().len(), 3);
        // Mid price 0.5 after the fee of 0.3 %: 498.5 ideal, 453 real: 9.1274 %, rounded up.
        assert_eq!(lines[0]["impact_percent"], "9.1273822");
        assert_eq!(lines[0]["impact_ppb"], 91_273_822);
    }

    #[test]
    fn each_bad_line_says_what_is_wrong_and_the_rest_is_answered() {
        let (exit, lines) = answer(
            "{\"hops\":[],\"exact_in\":\"1\"}\n{\nnull\n\
             {\"hops\":[{\"reserve_in\":\"10\",\"reserve_out\":\"5\"}],\"exact_in\":\"1\",\"exact_out\":\"1\"}\n\
             {\"hops\":[{\"reserve_in\":\"10\",\"reserve_out\":\"5\"}],\"exact_out\":\"5\"}\n\
             {\"hops\":[{\"reserve_in\":\"10\",\"reserve_out\":\"5\"}],\"exact_in\":\"-1\"}\n\
             {\"hops\":[{\"reserve_in\":\"100\",\"reserve_out\":\"500\"}],\"exact_in\":\"1\"}\n",
        );
        assert_eq!(exit, Exit::BadInput);
        let kinds: Vec<_> = lines.iter().map(|line| line["error"]["kind"].as_str().unwrap_or("ok")).collect();
        assert_eq!(kinds, ["pool", "json", "json", "input", "pool", "json", "ok"]);
        assert_eq!(lines[4]["error"]["line"], 5);
    }

    #[test]
    fn a_pool_on_the_command_line_reads_with_and_without_its_fee() {
        let hop = |text| {
            parse_hop(text).map(|hop| (hop.reserve_in.to::<u64>(), hop.reserve_out.to::<u64>(), hop.fee.parts()))
        };
        assert_eq!(hop("1, 2"), Ok((1, 2, 3_000)));
        assert_eq!(hop("1,2,v2"), Ok((1, 2, 3_000)));
        assert_eq!(hop("1,2,500"), Ok((1, 2, 500)));
        for text in ["1", "1,2,3,4", "a,2", "1,2,1000001", "1,2,-1"] {
            assert!(hop(text).is_err(), "{text}");
        }
    }
}
