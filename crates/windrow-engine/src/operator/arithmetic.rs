//! Arithmetic where SQL and pandas differ: `//` and `%` round down, `**` wraps, `round` is half to even.
//!
//! Floats follow NumPy's `npy_divmod`: the remainder has the divisor's sign and the quotient is the
//! rounded `(a - remainder) / b`, which is not always `floor(a / b)`. Whole numbers divided by zero
//! are missing (pandas makes the whole column float for them).

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::{binary, cast, unary};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    FloorDivide,
    Modulo,
    Power,
    Round,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Arithmetic {
    kind: Kind,
    signature: Signature,
}

impl Arithmetic {
    fn udf(kind: Kind) -> Arc<ScalarUDF> {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { kind, signature }))
    }
}

macro_rules! function {
    ($(#[$doc:meta])* $name:ident, $kind:expr) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name() -> &'static Arc<ScalarUDF> {
            static UDF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arithmetic::udf($kind));
            &UDF
        }
    };
}

function!(
    /// `a // b`, rounded down.
    floor_divide, Kind::FloorDivide
);
function!(
    /// `a % b` with the sign of `b`.
    modulo, Kind::Modulo
);
function!(
    /// `a ** b`; whole numbers wrap in 64 bits as NumPy's do.
    power, Kind::Power
);
function!(
    /// `round(a, digits)`, half to even, as NumPy: scale, round, scale back.
    round_half_even, Kind::Round
);

fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Boolean | DataType::Null)
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.kind {
            Kind::FloorDivide => "floor_divide",
            Kind::Modulo => "modulo",
            Kind::Power => "python_power",
            Kind::Round => "round_half_even",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        for data_type in types {
            if !is_whole(data_type) && !data_type.is_numeric() {
                return exec_err!("`{}` needs numbers, not {data_type}", self.name());
            }
        }
        let whole = match self.kind {
            Kind::Round => is_whole(&types[0]),
            _ => types.iter().all(is_whole),
        };
        Ok(if whole { DataType::Int64 } else { DataType::Float64 })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let whole = *args.return_type() == DataType::Int64;
        let result: ArrayRef = if self.kind == Kind::Round {
            round(&arrays, whole)?
        } else if whole {
            self.on_whole(&arrays)?
        } else {
            self.on_floats(&arrays)?
        };
        Ok(ColumnarValue::Array(result))
    }
}

impl Arithmetic {
    fn on_whole(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let left = cast(&arrays[0], &DataType::Int64)?;
        let right = cast(&arrays[1], &DataType::Int64)?;
        let (left, right) = (left.as_primitive::<Int64Type>(), right.as_primitive::<Int64Type>());
        if self.kind == Kind::Power {
            if right.iter().flatten().any(|exponent| exponent < 0) {
                return exec_err!(
                    "whole numbers to negative whole powers are not defined in pandas; convert with `.astype(float)`"
                );
            }
            return Ok(Arc::new(binary::<_, _, _, Int64Type>(left, right, wrapping_power)?));
        }
        let step = match self.kind {
            Kind::FloorDivide => floor_whole,
            _ => modulo_whole,
        };
        let pairs = left.iter().zip(right);
        Ok(Arc::new(
            pairs.map(|(a, b)| a.zip(b).and_then(|(a, b)| step(a, b))).collect::<Int64Array>(),
        ))
    }

    fn on_floats(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let left = cast(&arrays[0], &DataType::Float64)?;
        let right = cast(&arrays[1], &DataType::Float64)?;
        let step: fn(f64, f64) -> f64 = match self.kind {
            Kind::FloorDivide => |a, b| divmod(a, b).0,
            Kind::Modulo => |a, b| divmod(a, b).1,
            _ => f64::powf,
        };
        let result: Float64Array =
            binary(left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>(), step)?;
        Ok(Arc::new(result))
    }
}

fn floor_whole(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    // The one quotient that does not fit wraps, as NumPy's does.
    let quotient = a.wrapping_div(b);
    let inexact = a.wrapping_rem(b) != 0;
    Some(if inexact && ((a < 0) != (b < 0)) { quotient - 1 } else { quotient })
}

fn modulo_whole(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    let rest = a.wrapping_rem(b);
    Some(if rest != 0 && ((rest < 0) != (b < 0)) { rest + b } else { rest })
}

fn wrapping_power(base: i64, exponent: i64) -> i64 {
    let (mut result, mut base, mut exponent) = (1_i64, base, exponent);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    result
}

/// Quotient and remainder of floats as NumPy's `npy_divmod`.
fn divmod(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    if b == 0.0 {
        return (a / b, rest);
    }
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(b);
    } else if (b < 0.0) != (rest < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0_f64.copysign(a / b), rest);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
}

fn round(arrays: &[ArrayRef], whole: bool) -> Result<ArrayRef> {
    let digits = cast(&arrays[1], &DataType::Int64)?;
    let digits = digits.as_primitive::<Int64Type>();
    let digits = if digits.is_empty() || digits.is_null(0) { 0 } else { digits.value(0) };
    if whole && digits >= 0 {
        return Ok(cast(&arrays[0], &DataType::Int64)?);
    }
    let values = cast(&arrays[0], &DataType::Float64)?;
    let scale = 10_f64.powi(i32::try_from(digits.abs()).unwrap_or(i32::MAX));
    let rounded: Float64Array = unary(values.as_primitive::<Float64Type>(), |value: f64| {
        let scaled = if digits >= 0 { value * scale } else { value / scale };
        if !scaled.is_finite() {
            return value;
        }
        let near = scaled.round_ties_even();
        if digits >= 0 { near / scale } else { near * scale }
    });
    let result: ArrayRef = Arc::new(rounded);
    Ok(if whole { cast(&result, &DataType::Int64)? } else { result })
}

#[cfg(test)]
mod tests {
    use super::{divmod, floor_whole, modulo_whole, wrapping_power};

    #[test]
    fn whole_numbers_round_down() {
        assert_eq!(floor_whole(-7, 2), Some(-4));
        assert_eq!(floor_whole(7, -2), Some(-4));
        assert_eq!(floor_whole(6, -2), Some(-3));
        assert_eq!(floor_whole(1, 0), None);
        assert_eq!(floor_whole(i64::MIN, -1), Some(i64::MIN));
        assert_eq!(modulo_whole(-7, 3), Some(2));
        assert_eq!(modulo_whole(7, -3), Some(-2));
        assert_eq!(modulo_whole(i64::MIN, -1), Some(0));
        assert_eq!(wrapping_power(3, 4), 81);
        assert_eq!(wrapping_power(2, 64), 0);
    }

    #[test]
    fn floats_follow_numpy() {
        assert_eq!(divmod(1.0, 0.1).0, 9.0);
        assert_eq!(divmod(5.0, 0.3).0, 16.0);
        assert_eq!(divmod(2.5, -2.0), (-2.0, -1.5));
        assert_eq!(divmod(-1.0, f64::INFINITY), (-1.0, f64::INFINITY));
        assert!(divmod(f64::INFINITY, 1.0).0.is_nan());
    }
}
