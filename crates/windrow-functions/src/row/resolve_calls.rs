//! Resolving calls: functions and methods by name, their arguments, regular expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::row::constants::Lit;
use crate::row::names::{Attribute, Known, Method};
use crate::row::pattern::Pattern;
use crate::row::resolve::{Resolver, number};
use crate::row::tree::{Call, Callee, Kind, Node};
use crate::spec::{Expr, ExprKind, Literal};

impl Resolver<'_> {
    /// Calls and what stands for functions.
    pub(crate) fn calling(&mut self, expr: &Expr) -> Result<Kind, String> {
        Ok(match &expr.kind {
            ExprKind::Call { name, args, keywords } => return self.call(name, args, keywords),
            ExprKind::Inline { function, args } => {
                let Some(routine) = self.spec.functions.get(*function) else {
                    return Err("a call of an unknown function".to_owned());
                };
                let mut given = Vec::new();
                for (name, arg) in args {
                    let slot = routine.params.iter().position(|param| param == name);
                    let slot = slot.ok_or("a call with unknown parameters")?;
                    given.push((number(slot), self.node(arg)));
                }
                Kind::Inline(*function, given)
            }
            ExprKind::Method { value, name, args, keywords } => {
                let method = Method::named(name)
                    .ok_or_else(|| format!("the method `{name}` is not compiled"))?;
                let args = self.arguments(method, args, keywords)?;
                let target = self.node(value);
                Kind::Method(Box::new(Call { target, method, args, of_str: false }))
            }
            ExprKind::Attr { value, name } => {
                let attribute = Attribute::named(name)
                    .ok_or_else(|| format!("the attribute `{name}` is not compiled"))?;
                Kind::Attr(self.boxed(value), attribute)
            }
            ExprKind::Comp { kind, element, value, clauses } => {
                self.comp(kind, element, value.as_deref(), clauses)
            }
            ExprKind::Function { known, routine, params, body } => {
                let callee = match (known, routine, body) {
                    (Some(known), _, _) => self.callee(known)?,
                    (_, Some(routine), _) if *routine < self.spec.functions.len() => {
                        Callee::Routine(*routine)
                    }
                    (_, _, Some(body)) => {
                        let params = params.iter().map(|param| self.slot(param)).collect();
                        Callee::Lambda(params, self.branch(|r| r.node(body)))
                    }
                    _ => return Err("this function as an argument is not compiled".to_owned()),
                };
                Kind::Function(Box::new(callee))
            }
            _ => return Err("this expression is not compiled".to_owned()),
        })
    }

    fn callee(&mut self, name: &str) -> Result<Callee, String> {
        let method = name.strip_prefix("str.").and_then(Method::named);
        match (method, Known::named(name)) {
            (Some(method), _) => Ok(Callee::Method(method)),
            (_, Some(known)) => Ok(Callee::Known(known)),
            _ => Err(format!("`{name}` as an argument is not compiled")),
        }
    }

    fn call(
        &mut self,
        name: &str,
        args: &[Expr],
        keywords: &BTreeMap<String, Expr>,
    ) -> Result<Kind, String> {
        if let Some(method) = name.strip_prefix("str.").and_then(Method::named)
            && let Some((target, rest)) = args.split_first()
        {
            let args = self.arguments(method, rest, keywords)?;
            let target = self.node(target);
            return Ok(Kind::Method(Box::new(Call { target, method, args, of_str: true })));
        }
        let known = Known::named(name).ok_or_else(|| format!("`{name}` is not compiled"))?;
        if name.starts_with("re.") {
            return self.regex(known, args, keywords);
        }
        let args = self.nodes(args);
        let keywords =
            keywords.iter().map(|(name, value)| (name.clone(), self.node(value))).collect();
        Ok(Kind::Call(known, args, keywords))
    }

    /// `re.sub(pattern, with, text, count, flags)` and its like, the pattern being a literal.
    fn regex(
        &mut self,
        known: Known,
        args: &[Expr],
        keywords: &BTreeMap<String, Expr>,
    ) -> Result<Kind, String> {
        let plain = match known {
            Known::ReSub => 3,
            _ => 2,
        };
        let limited = matches!(known, Known::ReSub | Known::ReSplit);
        let mut flags = keywords.get("flags");
        let mut rest: Vec<&Expr> = args.iter().skip(1).collect();
        if args.len() == plain + if limited { 2 } else { 1 } {
            flags = rest.pop();
        }
        let count = keywords.get("count").or_else(|| keywords.get("maxsplit"));
        rest.extend(count);
        if keywords.keys().any(|key| !matches!(key.as_str(), "flags" | "count" | "maxsplit")) {
            return Err("these arguments of a regular expression are not compiled".to_owned());
        }
        let most = if limited { plain } else { plain - 1 };
        if rest.len() + 1 < plain || rest.len() > most {
            return Err("this call is not compiled".to_owned());
        }
        let flags = match flags.map(|flags| &flags.kind) {
            None => 0,
            Some(ExprKind::Const { value: Literal::Int(digits) }) => {
                digits.parse().map_err(|_| "these flags are not compiled")?
            }
            Some(_) => return Err("computed flags are not compiled".to_owned()),
        };
        let pattern = match args.first().map(|pattern| &pattern.kind) {
            Some(ExprKind::Const { value: Literal::Str(text) }) => {
                Arc::new(Pattern::new(text, flags)?)
            }
            Some(ExprKind::Const { value: Literal::Pattern(text, own) }) if flags == 0 => {
                Arc::new(Pattern::new(text, *own)?)
            }
            _ => return Err("a computed regular expression is not compiled".to_owned()),
        };
        pattern.supports(known)?;
        let rest = rest.into_iter().map(|arg| self.node(arg)).collect();
        Ok(Kind::Regex(known, pattern, rest))
    }

    /// The arguments of a method in order; some have names.
    fn arguments(
        &mut self,
        method: Method,
        args: &[Expr],
        keywords: &BTreeMap<String, Expr>,
    ) -> Result<Vec<Node>, String> {
        let mut nodes = self.nodes(args);
        let names: &[&str] = match method {
            Method::Split | Method::Rsplit => &["sep", "maxsplit"],
            Method::Splitlines => &["keepends"],
            Method::Sort if keywords.is_empty() => &[],
            Method::Replace if keywords.contains_key("count") => &["old", "new", "count"],
            // `date.replace`: filled with None where nothing is given.
            Method::Replace if args.is_empty() => {
                &["year", "month", "day", "hour", "minute", "second", "microsecond"]
            }
            _ => &[],
        };
        if keywords.keys().any(|key| !names[nodes.len().min(names.len())..].contains(&key.as_str()))
        {
            return Err("keyword arguments of this method are not compiled".to_owned());
        }
        let mut left = keywords.len();
        for name in names.iter().skip(nodes.len()) {
            if left == 0 {
                break;
            }
            match keywords.get(*name) {
                Some(value) => {
                    left -= 1;
                    nodes.push(self.node(value));
                }
                None => nodes.push(Node { at: 0, kind: Kind::Lit(Lit::None) }),
            }
        }
        Ok(nodes)
    }
}
