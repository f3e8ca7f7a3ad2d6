//! Dates and times: Arrow's counts to and from Python's objects.

use arrow::datatypes::TimeUnit;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{
    PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyTime, PyTimeAccess, PyTzInfo,
};

use super::civil;

const DAY_MICROS: i64 = 86_400_000_000;

/// How many units a second has.
pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Microseconds, and the nanoseconds that do not fit into them.
fn micros(value: i64, unit: TimeUnit) -> Option<(i64, i64)> {
    match unit {
        TimeUnit::Nanosecond => Some((value.div_euclid(1_000), value.rem_euclid(1_000))),
        _ => Some((value.checked_mul(1_000_000 / per_second(unit))?, 0)),
    }
}

pub(super) fn date<'py>(py: Python<'py>, days: i64) -> PyResult<Bound<'py, PyAny>> {
    let (year, month, day) = civil::from_days(days);
    let year = i32::try_from(year).map_err(|_| out_of_range("date"))?;
    Ok(PyDate::new(py, year, month, day)?.into_any())
}

pub(super) fn time<'py>(py: Python<'py>, micros: i64) -> PyResult<Bound<'py, PyAny>> {
    let (hour, minute, second, micro) = clock(micros);
    Ok(PyTime::new(py, hour, minute, second, micro, None)?.into_any())
}

pub(super) fn duration<'py>(
    py: Python<'py>,
    value: i64,
    unit: TimeUnit,
) -> PyResult<Bound<'py, PyAny>> {
    let (micros, nanos) = micros(value, unit).ok_or_else(|| out_of_range("duration"))?;
    if nanos != 0 {
        return py.import("pandas")?.call_method1("Timedelta", (value, "ns"));
    }
    let days =
        i32::try_from(micros.div_euclid(DAY_MICROS)).map_err(|_| out_of_range("duration"))?;
    let rest = micros.rem_euclid(DAY_MICROS);
    let delta = PyDelta::new(py, days, (rest / 1_000_000) as i32, (rest % 1_000_000) as i32, false);
    Ok(delta?.into_any())
}

/// A naive datetime, or one in `zone`. Nanoseconds that Python's datetime cannot hold make a
/// `pandas.Timestamp`, which is a datetime too.
pub(super) fn timestamp<'py>(
    py: Python<'py>,
    value: i64,
    unit: TimeUnit,
    zone: Option<&Bound<'py, PyTzInfo>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (micros, nanos) = micros(value, unit).ok_or_else(|| out_of_range("timestamp"))?;
    if nanos != 0 {
        let stamp = py.import("pandas")?.call_method1("Timestamp", (value,))?;
        let Some(zone) = zone else { return Ok(stamp) };
        return stamp.call_method1("tz_localize", ("UTC",))?.call_method1("tz_convert", (zone,));
    }
    let (year, month, day) = civil::from_days(micros.div_euclid(DAY_MICROS));
    let year = i32::try_from(year).map_err(|_| out_of_range("timestamp"))?;
    let (hour, minute, second, micro) = clock(micros.rem_euclid(DAY_MICROS));
    let stamp = PyDateTime::new(py, year, month, day, hour, minute, second, micro, zone)?;
    match zone {
        Some(zone) => zone.call_method1("fromutc", (stamp,)),
        None => Ok(stamp.into_any()),
    }
}

fn clock(micros: i64) -> (u8, u8, u8, u32) {
    let seconds = micros / 1_000_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    (hour as u8, minute as u8, second as u8, (micros % 1_000_000) as u32)
}

/// The zone of a timestamp type: a name of the time zone database, or an offset as `+02:00`.
pub(super) fn zone<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyTzInfo>> {
    let datetime = py.import("datetime")?;
    let zone = match offset_minutes(name) {
        Some(0) => datetime.getattr("timezone")?.getattr("utc")?,
        Some(minutes) => {
            let offset = PyDelta::new(py, 0, minutes * 60, 0, true)?;
            datetime.getattr("timezone")?.call1((offset,))?
        }
        None if name == "UTC" => datetime.getattr("timezone")?.getattr("utc")?,
        None => py.import("zoneinfo")?.getattr("ZoneInfo")?.call1((name,))?,
    };
    Ok(zone.cast_into::<PyTzInfo>()?)
}

fn offset_minutes(name: &str) -> Option<i32> {
    let (sign, digits) = match name.as_bytes().first()? {
        b'+' => (1, &name[1..]),
        b'-' => (-1, &name[1..]),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    Some(sign * (hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().unwrap_or(0)))
}

fn out_of_range(what: &str) -> PyErr {
    PyValueError::new_err(format!("a {what} of the input is outside of what Python can hold"))
}

/// Whether this is `pandas.NaT`, which is a datetime without a time.
fn is_nat(value: &Bound<'_, PyAny>) -> bool {
    value.get_type().name().is_ok_and(|name| name == "NaTType")
}

/// Days since 1970-01-01 of a date that is not a datetime.
pub(super) fn date_days(value: &Bound<'_, PyAny>) -> Option<i64> {
    if value.is_instance_of::<PyDateTime>() {
        return None;
    }
    let date = value.cast::<PyDate>().ok()?;
    Some(civil::to_days(date.get_year(), date.get_month(), date.get_day()))
}

/// Count of `unit` since the epoch; `None` when it does not fit exactly, or has a zone and should
/// not have one, or the other way round.
pub(super) fn timestamp_count(
    value: &Bound<'_, PyAny>,
    unit: TimeUnit,
    aware: bool,
) -> PyResult<Option<i64>> {
    let Ok(stamp) = value.cast::<PyDateTime>() else { return Ok(None) };
    if is_nat(value) {
        return Ok(None);
    }
    let offset = stamp.call_method0("utcoffset")?;
    if offset.is_none() == aware {
        return Ok(None);
    }
    let days = civil::to_days(stamp.get_year(), stamp.get_month(), stamp.get_day());
    let seconds = i64::from(stamp.get_hour()) * 3_600
        + i64::from(stamp.get_minute()) * 60
        + i64::from(stamp.get_second());
    let mut micros = days * DAY_MICROS + seconds * 1_000_000 + i64::from(stamp.get_microsecond());
    if let Ok(offset) = offset.cast::<PyDelta>() {
        micros -= delta_micros(offset);
    }
    Ok(count(micros, extra_nanos(value)?, unit))
}

/// Count of `unit` of a timedelta; `None` when it does not fit exactly.
pub(super) fn duration_count(value: &Bound<'_, PyAny>, unit: TimeUnit) -> PyResult<Option<i64>> {
    let Ok(delta) = value.cast::<PyDelta>() else { return Ok(None) };
    if is_nat(value) {
        return Ok(None);
    }
    Ok(count(delta_micros(delta), extra_nanos(value)?, unit))
}

/// Microseconds since midnight of a time without a zone.
pub(super) fn time_micros(value: &Bound<'_, PyAny>) -> Option<i64> {
    let time = value.cast::<PyTime>().ok()?;
    let seconds = i64::from(time.get_hour()) * 3_600
        + i64::from(time.get_minute()) * 60
        + i64::from(time.get_second());
    Some(seconds * 1_000_000 + i64::from(time.get_microsecond()))
}

fn delta_micros(delta: &Bound<'_, PyDelta>) -> i64 {
    i64::from(delta.get_days()) * DAY_MICROS
        + i64::from(delta.get_seconds()) * 1_000_000
        + i64::from(delta.get_microseconds())
}

/// Nanoseconds that pandas' subclasses hold besides.
fn extra_nanos(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if value.is_exact_instance_of::<PyDateTime>() || value.is_exact_instance_of::<PyDelta>() {
        return Ok(0);
    }
    for name in ["nanosecond", "nanoseconds"] {
        if let Ok(nanos) = value.getattr(name) {
            return nanos.extract();
        }
    }
    Ok(0)
}

/// `micros` and `nanos` in `unit`, if that loses nothing.
pub(super) fn count(micros: i64, nanos: i64, unit: TimeUnit) -> Option<i64> {
    if unit == TimeUnit::Nanosecond {
        return micros.checked_mul(1_000)?.checked_add(nanos);
    }
    let micros_per_unit = 1_000_000 / per_second(unit);
    (nanos == 0 && micros % micros_per_unit == 0).then_some(micros / micros_per_unit)
}
