//! The named scalar functions of Series: `fillna`, `isin`, the `.str` and `.dt` accessors.

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::datetime::expr_fn::date_part;
use datafusion::functions::expr_fn::{
    btrim, character_length, contains, ends_with, lower, ltrim, regexp_like, regexp_replace,
    replace, rtrim, starts_with, substr, substring, upper,
};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Expr as DfExpr, cast, lit, when};
use datafusion::scalar::ScalarValue;

use super::expr::BinaryOp;
use super::lower::call as call_udf;
use super::lower_expr::Scope;
use crate::error::{Error, Fault, Result};
use crate::operator::round_half_even;
use crate::session::plan_error;

/// What Python's `str.strip` removes: every code point for which `str.isspace` is true.
const WHITESPACE: &str = "\t\n\u{b}\u{c}\r\u{1c}\u{1d}\u{1e}\u{1f} \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// `name` called on `args`, of which the first is the Series.
pub(super) fn call(scope: &Scope<'_>, name: &str, args: Vec<DfExpr>) -> Result<DfExpr> {
    let count = args.len();
    let mut rest = args.into_iter();
    let Some(input) = rest.next() else {
        return Err(Error::internal(format!("`{name}` without an argument")));
    };
    let rest: Vec<DfExpr> = rest.collect();
    if let Some(method) = name.strip_prefix("str.") {
        let data_type = scope.type_of(&input)?;
        if !data_type.is_string() && data_type != DataType::Null {
            return Err(Error::plan(format!("`.str` needs text, this is {data_type}"))
                .hint("convert it with `.astype(str)`"));
        }
        return text(method, input, &rest);
    }
    if let Some(part) = name.strip_prefix("dt.") {
        return date(scope, part, input);
    }
    match (name, rest.as_slice()) {
        ("fillna", [value]) => Ok(coalesce(vec![scope.present(input)?, value.clone()])),
        ("clip", [low, high]) => clip(scope, input, low, high),
        ("round", [digits]) => Ok(call_udf(round_half_even(), vec![input, digits.clone()])),
        ("round", []) => Ok(call_udf(round_half_even(), vec![input, lit(0_i64)])),
        ("isin", values) => is_in(scope, input, values),
        ("between", [low, high]) => {
            let low = scope.comparison(BinaryOp::GreaterEqual, input.clone(), low.clone())?;
            let high = scope.comparison(BinaryOp::LessEqual, input, high.clone())?;
            Ok(coalesce(vec![low.and(high), lit(false)]))
        }
        ("where", [condition, other]) => when(coalesce(vec![condition.clone(), lit(false)]), input)
            .otherwise(other.clone())
            .map_err(|error| plan_error(&error)),
        _ => Err(Error::new(
            Fault::Unsupported,
            format!("there is no function `{name}` of {count} arguments"),
        )),
    }
}

fn is_in(scope: &Scope<'_>, input: DfExpr, values: &[DfExpr]) -> Result<DfExpr> {
    let missing = values.iter().any(|value| matches!(value, DfExpr::Literal(v, _) if v.is_null()));
    let mut found = lit(false);
    let mut list = Vec::with_capacity(values.len());
    let text = scope.type_of(&input)?.is_string();
    for value in values {
        let same_kind = scope.type_of(value)?.is_string() == text;
        if same_kind && !matches!(value, DfExpr::Literal(v, _) if v.is_null()) {
            list.push(value.clone());
        }
    }
    let input = scope.present(input)?;
    if !list.is_empty() {
        let inside = DfExpr::InList(InList::new(Box::new(input.clone()), list, false));
        found = coalesce(vec![inside, lit(false)]);
    }
    // pandas: a missing value is in a list that has one.
    Ok(if missing { input.is_null().or(found) } else { found })
}

fn clip(scope: &Scope<'_>, input: DfExpr, low: &DfExpr, high: &DfExpr) -> Result<DfExpr> {
    let given = |bound: &DfExpr| !matches!(bound, DfExpr::Literal(value, _) if value.is_null());
    let mut cases = when(lit(false), input.clone());
    if given(low) {
        let below = scope.comparison(BinaryOp::Less, input.clone(), low.clone())?;
        cases = cases.when(below, low.clone());
    }
    if given(high) {
        let above = scope.comparison(BinaryOp::Greater, input.clone(), high.clone())?;
        cases = cases.when(above, high.clone());
    }
    cases.otherwise(input).map_err(|error| plan_error(&error))
}

fn text(method: &str, input: DfExpr, args: &[DfExpr]) -> Result<DfExpr> {
    Ok(match (method, args) {
        ("lower", []) => lower(input),
        ("upper", []) => upper(input),
        ("strip", []) => btrim(vec![input, lit(WHITESPACE)]),
        ("lstrip", []) => ltrim(vec![input, lit(WHITESPACE)]),
        ("rstrip", []) => rtrim(vec![input, lit(WHITESPACE)]),
        ("strip", [letters]) => btrim(vec![input, letters.clone()]),
        ("lstrip", [letters]) => ltrim(vec![input, letters.clone()]),
        ("rstrip", [letters]) => rtrim(vec![input, letters.clone()]),
        ("len", []) => cast(character_length(input), DataType::Int64),
        ("startswith", [part]) => known(starts_with(input, part.clone())),
        ("endswith", [part]) => known(ends_with(input, part.clone())),
        ("contains", [part]) => known(contains(input, part.clone())),
        ("contains", [pattern, regex]) if is_true(regex) => {
            known(regexp_like(input, pattern.clone(), None))
        }
        ("contains", [part, _]) => known(contains(input, part.clone())),
        ("replace", [from, to]) => replace(input, from.clone(), to.clone()),
        ("replace", [from, to, regex]) if is_true(regex) => {
            regexp_replace(input, from.clone(), to.clone(), Some(lit("g")))
        }
        ("replace", [from, to, _]) => replace(input, from.clone(), to.clone()),
        ("slice", [start, stop]) => slice(input, integer(start)?, integer(stop)?)?,
        _ => {
            return Err(Error::new(
                Fault::Unsupported,
                format!("`.str.{method}` is not there yet"),
            )
            .hint(format!("use `.map(lambda text: text.{method}(...))`")));
        }
    })
}

/// A test on a missing value is False, as pandas' default string type answers.
fn known(test: DfExpr) -> DfExpr {
    coalesce(vec![test, lit(false)])
}

fn is_true(expr: &DfExpr) -> bool {
    matches!(expr, DfExpr::Literal(ScalarValue::Boolean(Some(true)), _))
}

fn integer(expr: &DfExpr) -> Result<Option<i64>> {
    match expr {
        DfExpr::Literal(ScalarValue::Int64(value), _) => Ok(*value),
        DfExpr::Literal(value, _) if value.is_null() => Ok(None),
        other => Err(Error::plan(format!("a slice needs whole numbers, not {other}"))),
    }
}

fn slice(input: DfExpr, start: Option<i64>, stop: Option<i64>) -> Result<DfExpr> {
    let start = start.unwrap_or(0);
    if start < 0 || stop.is_some_and(|stop| stop < 0) {
        return Err(Error::new(Fault::Unsupported, "`.str` slices from the end are not there yet")
            .hint("use `.map(lambda text: text[-3:])`"));
    }
    Ok(match stop {
        None => substr(input, lit(start + 1)),
        Some(stop) => substring(input, lit(start + 1), lit((stop - start).max(0))),
    })
}

fn date(scope: &Scope<'_>, part: &str, input: DfExpr) -> Result<DfExpr> {
    let data_type = scope.type_of(&input)?;
    if !data_type.is_temporal() {
        return Err(Error::plan(format!("`.dt` needs dates or times, this is {data_type}"))
            .hint("read the column with `parse_dates=[...]`"));
    }
    let number = |name: &str, input: DfExpr| cast(date_part(lit(name), input), DataType::Int64);
    Ok(match part {
        "year" | "month" | "day" | "hour" | "minute" | "quarter" => number(part, input),
        "second" => number("second", input),
        "dayofyear" => number("doy", input),
        // SQL counts from Sunday, pandas from Monday.
        "dayofweek" | "weekday" => (number("dow", input) + lit(6_i64)) % lit(7_i64),
        "date" => cast(input, DataType::Date32),
        _ => {
            return Err(Error::new(Fault::Unsupported, format!("`.dt.{part}` is not there yet"))
                .hint(format!("use `.map(lambda moment: moment.{part})`")));
        }
    })
}
