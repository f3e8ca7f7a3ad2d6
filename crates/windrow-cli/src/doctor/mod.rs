//! `windrow doctor`: what windrow runs with here, what is missing and how to get it.
//!
//! [`facts`] looks at the machine, [`judge`] (pure) says what that means, [`report`] shows it.

mod facts;
mod judge;
mod report;

use crate::Host;
use crate::arguments::DoctorArguments;
use crate::console::Console;
use crate::error::Exit;

pub use report::{Check, Report, State};

pub(crate) fn run(
    arguments: &DoctorArguments,
    host: &Host,
    console: &mut Console,
) -> Result<u8, Exit> {
    let report = judge::judge(&facts::gather(arguments.python.as_deref(), host));
    if arguments.json {
        console.line(report.to_json())?;
    } else {
        console.line(&report)?;
    }
    Ok(u8::from(!report.is_good()))
}

/// The report on this machine and the interpreter of `host`.
#[must_use]
pub fn examine(host: &Host) -> Report {
    judge::judge(&facts::gather(None, host))
}
