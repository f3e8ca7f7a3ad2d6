//! Values that stand for plain Python ones: numpy scalars, pandas' missing values, decimals.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyFloat, PyType};

/// Whether `value` is a float NaN (numpy's float64 included).
pub(super) fn is_nan(value: &Bound<'_, PyAny>) -> bool {
    value.cast::<PyFloat>().is_ok_and(|number| number.value().is_nan())
}

/// The plain Python value that a numpy scalar stands for, `None` for `pandas.NA` and `pandas.NaT`;
/// nothing for other types.
pub(super) fn plain<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = value.py();
    let kind = value.get_type();
    let module = kind.module()?;
    let module = module.to_cow()?;
    if module == "numpy" {
        let item = value.getattr_opt("item")?.filter(|_| value.hasattr("dtype").unwrap_or(false));
        let Some(item) = item else { return Ok(None) };
        let is_scalar = value.getattr("ndim")?.extract::<usize>()? == 0;
        return if is_scalar { Ok(Some(datetime_or_item(value, &item)?)) } else { Ok(None) };
    }
    if module.starts_with("pandas.") {
        let name = kind.name()?;
        if name == "NAType" || name == "NaTType" {
            return Ok(Some(py.None().into_bound(py)));
        }
    }
    Ok(None)
}

/// `item()`, but for datetime64 and timedelta64 of nanoseconds, whose `item()` is an int.
fn datetime_or_item<'py>(
    value: &Bound<'py, PyAny>,
    item: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    let kind: char = value.getattr("dtype")?.getattr("kind")?.extract()?;
    let class = match kind {
        'M' => "Timestamp",
        'm' => "Timedelta",
        _ => return item.call0(),
    };
    let converted = py.import("pandas")?.call_method1(class, (value,))?;
    Ok(plain(&converted)?.unwrap_or(converted))
}

/// The unscaled value of a `Decimal` in a column of this precision and scale, if it fits exactly.
pub(super) fn unscaled(
    value: &Bound<'_, PyAny>,
    precision: u8,
    scale: i8,
) -> PyResult<Option<i128>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = value.py();
    if !value.is_instance(DECIMAL.import(py, "decimal", "Decimal")?)? {
        return Ok(None);
    }
    let (sign, digits, exponent): (u8, Vec<u8>, Bound<'_, PyAny>) =
        value.call_method0("as_tuple")?.extract()?;
    // The exponents of infinity and NaN are letters.
    let Ok(exponent) = exponent.extract::<i32>() else { return Ok(None) };
    Ok(scaled(&digits, exponent + i32::from(scale), precision)
        .map(|unscaled| if sign == 1 { -unscaled } else { unscaled }))
}

fn scaled(digits: &[u8], shift: i32, precision: u8) -> Option<i128> {
    let mut number: i128 = 0;
    for digit in digits {
        number = number.checked_mul(10)?.checked_add(i128::from(*digit))?;
    }
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    let number = if shift >= 0 {
        number.checked_mul(power)?
    } else if number % power == 0 {
        number / power
    } else {
        return None;
    };
    (number < 10_i128.checked_pow(u32::from(precision))?).then_some(number)
}
