//! The doctor's findings, as text and as JSON.

use std::fmt;

use serde::Serialize;

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// As it should be.
    Good,
    /// Works, but not as well as it could.
    Warning,
    /// Not here, and needed for some things only.
    Absent,
    /// Needed, and missing or wrong.
    Bad,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it belongs to: `windrow`, `machine`, `python`, `optional`.
    pub area: &'static str,
    /// What was looked at.
    pub name: String,
    /// What it means.
    pub state: State,
    /// What was found.
    pub value: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// All findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The findings, those of an area side by side.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing needed is missing.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.state != State::Bad)
    }

    /// `{"good": true, "checks": [{"area", "name", "state", "value", "hint"}, …]}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let checks = serde_json::to_value(&self.checks).unwrap_or_default();
        format!("{:#}", serde_json::json!({ "good": self.is_good(), "checks": checks }))
    }

    pub(super) fn add(&mut self, area: &'static str, name: &str, finding: Finding) {
        let Finding { state, value, hint } = finding;
        self.checks.push(Check { area, name: name.to_owned(), state, value, hint });
    }
}

/// A finding before it has a place.
pub(super) struct Finding {
    state: State,
    value: String,
    hint: Option<String>,
}

impl Finding {
    pub(super) fn good(value: impl Into<String>) -> Self {
        Self { state: State::Good, value: value.into(), hint: None }
    }

    pub(super) fn warning(value: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Warning, value: value.into(), hint: Some(hint.into()) }
    }

    pub(super) fn absent(hint: impl Into<String>) -> Self {
        Self { state: State::Absent, value: "not here".to_owned(), hint: Some(hint.into()) }
    }

    pub(super) fn bad(value: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Bad, value: value.into(), hint: Some(hint.into()) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        let mut area = "";
        for check in &self.checks {
            if check.area != area {
                let gap = if area.is_empty() { "" } else { "\n" };
                writeln!(formatter, "{gap}{}", check.area)?;
                area = check.area;
            }
            let mark = match check.state {
                State::Good => "  ",
                State::Warning => "! ",
                State::Absent => "- ",
                State::Bad => "x ",
            };
            writeln!(formatter, "{mark}{:width$}  {}", check.name, check.value)?;
            if let Some(hint) = &check.hint {
                writeln!(formatter, "  {:width$}  hint: {hint}", "")?;
            }
        }
        let bad = self.checks.iter().filter(|check| check.state == State::Bad).count();
        match bad {
            0 => write!(formatter, "\nnothing that is needed is missing"),
            1 => write!(formatter, "\none thing that is needed is missing (x)"),
            _ => write!(formatter, "\n{bad} things that are needed are missing (x)"),
        }
    }
}
