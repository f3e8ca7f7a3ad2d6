//! Methods of compiled regular expressions and of matches.

use crate::kernel::text::signed;
use crate::row::exec::Runner;
use crate::row::names::{Known, Method};
use crate::row::pattern::Pattern;
use crate::row::trouble::{Eval, Exc, leave, raise};
use crate::row::value::{Found, Val, dict, tuple};

const OTHER: &str = "this call of a method of a match";

impl<'a> Runner<'a> {
    /// `pattern.method(args)`
    pub(crate) fn pattern_method(
        &mut self,
        pattern: &'a Pattern,
        method: Method,
        args: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        let known = match method {
            Method::Search => Known::ReSearch,
            Method::Match => Known::ReMatch,
            Method::Fullmatch => Known::ReFullmatch,
            Method::Findall => Known::ReFindall,
            Method::Finditer => Known::ReFinditer,
            Method::Split => Known::ReSplit,
            Method::Sub => {
                return match args {
                    [replace, rest @ ..] => self.sub_text(pattern, *replace, rest),
                    [] => leave(OTHER),
                };
            }
            _ => return leave(OTHER),
        };
        self.regex_of(known, pattern, args)
    }

    /// `match.method(args)`
    pub(crate) fn match_method(
        &mut self,
        found: &'a Found<'a>,
        method: Method,
        args: &[Val<'a>],
    ) -> Eval<Val<'a>> {
        match (method, args) {
            (Method::Group, []) => self.group(found, &Val::Int(0)),
            (Method::Group, [group]) => self.group(found, group),
            (Method::Group, groups) => {
                let mut items = Vec::new();
                for group in groups {
                    items.push(self.group(found, group)?);
                }
                Ok(tuple(self.arena, &items))
            }
            (Method::Groups, [] | [_]) => {
                let missing = args.first().copied().unwrap_or(Val::None);
                let items: Vec<_> = (1..found.spans.len())
                    .map(|group| match found.group(group) {
                        Some(Val::Str(text)) => Val::Str(text),
                        _ => missing,
                    })
                    .collect();
                Ok(tuple(self.arena, &items))
            }
            (Method::Groupdict, []) => {
                let mut pairs = Vec::new();
                for (at, name) in found.pattern.names.iter().enumerate() {
                    if let Some(name) = name {
                        pairs.push((Val::Str(name), found.group(at + 1).unwrap_or(Val::None)));
                    }
                }
                Ok(dict(self.arena, pairs))
            }
            (Method::Start | Method::End | Method::Span, [] | [_]) => {
                let group = args.first().map_or(Ok(0), |group| number(found, group))?;
                let (start, end) = match found.spans[group] {
                    Some((start, end)) => (signed(start), signed(end)),
                    None => (-1, -1),
                };
                Ok(match method {
                    Method::Start => Val::Int(start),
                    Method::End => Val::Int(end),
                    _ => tuple(self.arena, &[Val::Int(start), Val::Int(end)]),
                })
            }
            _ => leave(OTHER),
        }
    }

    /// `match[group]`
    pub(crate) fn group(&self, found: &'a Found<'a>, group: &Val<'a>) -> Eval<Val<'a>> {
        let at = number(found, group)?;
        found.group(at).map_or_else(|| leave(OTHER), Ok)
    }
}

/// The number of a group that is given by number or name.
fn number(found: &Found<'_>, group: &Val<'_>) -> Eval<usize> {
    let at = match group {
        Val::Str(name) => found.pattern.group_named(name),
        _ => group.int().and_then(|at| usize::try_from(at).ok()),
    };
    match at.filter(|at| *at < found.spans.len()) {
        Some(at) => Ok(at),
        None => raise(Exc::Index, "the match has no such group"),
    }
}
