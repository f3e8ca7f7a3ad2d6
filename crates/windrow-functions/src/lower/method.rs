//! Methods, indexing and slicing of text; `.get` of a captured dict; unpacking a split.

use crate::ir::{File, Mask, Op, Slot, TextMap, TextPairTest, TextTest};
use crate::lower::flow::Env;
use crate::lower::{Builder, Lowered};
use crate::spec::{At, Expr, ExprKind, Literal};
use crate::value::{Tags, Value};

const NON_ASCII: &str = "a text with characters beyond ASCII";

/// What is computed for arguments of single types.
type PerArguments<'f, B> = dyn FnMut(&mut B, &[Value], Mask) -> Lowered<Value> + 'f;

impl Builder<'_> {
    pub(crate) fn method(
        &mut self,
        target: &Expr,
        name: &str,
        args: &[Expr],
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        if name == "get"
            && let Some(table) = self.table(target)?
        {
            let (key, default) = match args {
                [key] => (self.expr(key, mask, env)?, Value::none()),
                [key, default] => (self.expr(key, mask, env)?, self.expr(default, mask, env)?),
                _ => return Err(at.reason("this call of `get` is not compiled")),
            };
            return self.table_get(table, &key, &default, mask);
        }
        let value = self.expr(target, mask, env)?;
        let mut values = Vec::new();
        for arg in args {
            // A tuple of prefixes is taken apart below.
            if matches!(
                arg.kind,
                ExprKind::Sequence { .. } | ExprKind::Const { value: Literal::Tuple(_) }
            ) {
                return self.any_affix(&value, name, arg, at, mask, env);
            }
            values.push(self.expr(arg, mask, env)?);
        }
        self.per_type(&value, mask, |builder, value, mask| match value.str {
            Some(text) => {
                builder.per_argument(&values, &mut Vec::new(), mask, &mut |b, args, m| {
                    b.text_method(text, name, args, at, m)
                })
            }
            None => {
                let text = format!("`{}` has no method `{name}`", value.tags.name());
                let exit = builder.exit(at, Some("AttributeError"), &text);
                builder.leave(mask, exit);
                Ok(Value::default())
            }
        })
    }

    /// Computes for each combination of the types of all arguments, and selects.
    fn per_argument(
        &mut self,
        args: &[Value],
        chosen: &mut Vec<Value>,
        mask: Mask,
        compute: &mut PerArguments<'_, Self>,
    ) -> Lowered<Value> {
        let Some((first, rest)) = args.split_first() else { return compute(self, chosen, mask) };
        self.per_type(first, mask, |builder, value, mask| {
            chosen.push(value.clone());
            let result = builder.per_argument(rest, chosen, mask, compute);
            chosen.pop();
            result
        })
    }

    /// `s.startswith(("a", "b"))`
    fn any_affix(
        &mut self,
        value: &Value,
        name: &str,
        arg: &Expr,
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let mut literals = Vec::new();
        match &arg.kind {
            ExprKind::Const { value: Literal::Tuple(items) } => {
                for item in items {
                    literals.push(self.literal(item, at)?);
                }
            }
            ExprKind::Sequence { kind, items } if kind == "tuple" => {
                for item in items {
                    literals.push(self.expr(item, mask, env)?);
                }
            }
            _ => return Err(at.reason("this argument is not compiled")),
        }
        if !matches!(name, "startswith" | "endswith") {
            return Err(at.reason("a tuple as an argument is not compiled"));
        }
        self.per_type(value, mask, |builder, value, mask| {
            let Some(text) = value.str else {
                return Err(at.reason("a method of what is no text"));
            };
            let mut found = builder.byte(0);
            for literal in &literals {
                let one =
                    builder.text_method(text, name, std::slice::from_ref(literal), at, mask)?;
                if let Some(lanes) = one.bool {
                    found = builder.or(found, lanes);
                }
            }
            Ok(Value::single(Tags::BOOL, found))
        })
    }

    fn text_method(
        &mut self,
        text: Slot,
        name: &str,
        args: &[Value],
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        if args.is_empty()
            && let Some(value) = self.plain_text_method(text, name, at, mask)
        {
            return Ok(value);
        }
        let slots: Option<Vec<Slot>> = args
            .iter()
            .map(|arg| if arg.tags.is_single() { arg.str.or(arg.int) } else { None })
            .collect();
        let Some(slots) = slots else {
            // A missing value among the arguments: most methods raise TypeError.
            let exit = self.exit(at, None, &format!("`{name}` with an argument of another type"));
            self.leave(mask, exit);
            return Ok(Value::default());
        };
        let files: Vec<File> = slots.iter().map(|slot| slot.file).collect();
        let (op, file, exit) = match (name, files.as_slice()) {
            ("startswith", [File::Text]) => {
                (Op::TextPairTest(TextPairTest::StartsWith), File::Byte, 0)
            }
            ("endswith", [File::Text]) => (Op::TextPairTest(TextPairTest::EndsWith), File::Byte, 0),
            ("find", [File::Text]) => (Op::TextFind { last: false }, File::Int, 0),
            ("rfind", [File::Text]) => (Op::TextFind { last: true }, File::Int, 0),
            ("count", [File::Text]) => (Op::TextCount, File::Int, 0),
            ("replace", [File::Text, File::Text]) => (Op::TextReplace, File::Text, 0),
            ("zfill", [File::Int]) => {
                (Op::TextZfill, File::Text, self.exit(at, None, "a very long text"))
            }
            ("strip", [File::Text]) => {
                (Op::TextStripChars { left: true, right: true }, File::Text, 0)
            }
            ("lstrip", [File::Text]) => {
                (Op::TextStripChars { left: true, right: false }, File::Text, 0)
            }
            ("rstrip", [File::Text]) => {
                (Op::TextStripChars { left: false, right: true }, File::Text, 0)
            }
            _ => return Err(at.reason(format!("the method `{name}` is not compiled so"))),
        };
        let mut all = vec![text];
        all.extend(slots);
        let slot = self.emit(op, &all, file, mask, exit);
        let tag = match file {
            File::Byte => Tags::BOOL,
            File::Int => Tags::INT,
            File::Float => Tags::FLOAT,
            File::Text => Tags::STR,
        };
        Ok(Value::single(tag, slot))
    }

    fn plain_text_method(&mut self, text: Slot, name: &str, at: &At, mask: Mask) -> Option<Value> {
        let map = match name {
            "lower" => Some((TextMap::Lower, true)),
            "upper" => Some((TextMap::Upper, true)),
            "title" => Some((TextMap::Title, true)),
            "capitalize" => Some((TextMap::Capitalize, true)),
            "strip" => Some((TextMap::Strip, false)),
            "lstrip" => Some((TextMap::LeftStrip, false)),
            "rstrip" => Some((TextMap::RightStrip, false)),
            _ => None,
        };
        if let Some((map, ascii)) = map {
            let exit = if ascii { self.exit(at, None, NON_ASCII) } else { 0 };
            let slot = self.emit(Op::TextMap(map), &[text], File::Text, mask, exit);
            return Some(Value::single(Tags::STR, slot));
        }
        let test = match name {
            "isdigit" | "isdecimal" | "isnumeric" => TextTest::Digit,
            "isalpha" => TextTest::Alpha,
            "isalnum" => TextTest::Alnum,
            "isspace" => TextTest::Space,
            "isupper" => TextTest::Upper,
            "islower" => TextTest::Lower,
            _ => return None,
        };
        let exit = self.exit(at, None, NON_ASCII);
        let slot = self.emit(Op::TextTest(test), &[text], File::Byte, mask, exit);
        Some(Value::single(Tags::BOOL, slot))
    }

    /// `value[index]`
    pub(crate) fn index(
        &mut self,
        target: &Expr,
        index: &Expr,
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        if let Some(table) = self.table(target)? {
            let key = self.expr(index, mask, env)?;
            return self.table_index(table, &key, at, mask);
        }
        if let Some((text, separator)) = self.split_call(target, mask, env)? {
            let index = self.expr(index, mask, env)?;
            let Some(index) = index.int.filter(|_| index.tags == Tags::INT) else {
                return Err(at.reason("a part of a split chosen by no integer"));
            };
            let value = self.split_item(&text, separator.as_ref(), index, at, mask)?;
            return Ok(value);
        }
        let value = self.expr(target, mask, env)?;
        let index = self.expr(index, mask, env)?;
        self.per_types(&value, &index, mask, |builder, value, index, mask| {
            let index = builder.numeric(index).filter(|slot| slot.file == File::Int);
            let (Some(text), Some(index)) = (value.str, index) else {
                return Ok(builder.type_error(at, mask, "an index into what has none"));
            };
            let exit = builder.exit(at, Some("IndexError"), "the index is out of range");
            let slot = builder.emit(Op::TextIndex, &[text, index], File::Text, mask, exit);
            Ok(Value::single(Tags::STR, slot))
        })
    }

    /// `value[lower:upper:step]`, the step being absent, 1 or, without bounds, -1.
    pub(crate) fn slice(
        &mut self,
        target: &Expr,
        bounds: [Option<&Expr>; 3],
        at: &At,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let value = self.expr(target, mask, env)?;
        let mut slots = [None, None];
        for (slot, bound) in slots.iter_mut().zip(&bounds[..2]) {
            let Some(bound) = bound else { continue };
            let bound = self.expr(bound, mask, env)?;
            if bound.tags == Tags::NONE {
                continue;
            }
            *slot = Some(bound.int.filter(|_| bound.tags == Tags::INT).ok_or_else(|| {
                at.reason("a slice with a bound that is no integer is not compiled")
            })?);
        }
        let step = match bounds[2] {
            None => 1,
            Some(step) => match self.expr(step, mask, env)?.known {
                Some(Literal::Int(digits)) => digits.parse().unwrap_or(0),
                Some(Literal::None) => 1,
                _ => 0,
            },
        };
        let reverse = step == -1 && slots == [None, None];
        if step != 1 && !reverse {
            return Err(at.reason("a slice with this step is not compiled"));
        }
        self.per_type(&value, mask, |builder, value, mask| {
            let Some(text) = value.str else {
                return Ok(builder.type_error(at, mask, "a slice of what is no text"));
            };
            let zero = builder.int(0);
            let slot = if reverse {
                builder.emit(Op::TextReverse, &[text], File::Text, mask, 0)
            } else {
                let op = Op::TextSlice { lower: slots[0].is_some(), upper: slots[1].is_some() };
                let args = [text, slots[0].unwrap_or(zero), slots[1].unwrap_or(zero)];
                builder.emit(op, &args, File::Text, mask, 0)
            };
            Ok(Value::single(Tags::STR, slot))
        })
    }

    /// The text and the separator of `text.split(separator)` or `text.split()`.
    fn split_call(
        &mut self,
        expr: &Expr,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Option<(Value, Option<Slot>)>> {
        let ExprKind::Method { value, name, args, keywords } = &expr.kind else { return Ok(None) };
        if name != "split" || !keywords.is_empty() {
            return Ok(None);
        }
        let text = self.expr(value, mask, env)?;
        let separator = match args.as_slice() {
            [] => None,
            [separator] => {
                let separator = self.expr(separator, mask, env)?;
                match (&separator.known, separator.str) {
                    (Some(Literal::None), _) => None,
                    (Some(Literal::Str(known)), Some(slot)) if !known.is_empty() => Some(slot),
                    _ => return Err(expr.at.reason("a split at no constant text is not compiled")),
                }
            }
            _ => return Err(expr.at.reason("a split with a limit is not compiled")),
        };
        Ok(Some((text, separator)))
    }

    fn split_item(
        &mut self,
        text: &Value,
        separator: Option<&Slot>,
        index: Slot,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        self.per_type(text, mask, |builder, value, mask| {
            let Some(text) = value.str else {
                let exit = builder.exit(at, Some("AttributeError"), "no text to split");
                builder.leave(mask, exit);
                return Ok(Value::default());
            };
            let exit = builder.exit(at, Some("IndexError"), "the text has fewer parts");
            let slot = match separator {
                Some(&separator) => {
                    let op = Op::TextSplitItem { last: false };
                    builder.emit(op, &[text, separator, index], File::Text, mask, exit)
                }
                None => {
                    builder.emit(Op::TextSplitSpaceItem, &[text, index], File::Text, mask, exit)
                }
            };
            Ok(Value::single(Tags::STR, slot))
        })
    }

    /// `len(text.split(separator))`
    pub(crate) fn split_len(
        &mut self,
        expr: &Expr,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Option<Value>> {
        let Some((text, separator)) = self.split_call(expr, mask, env)? else { return Ok(None) };
        let at = &expr.at;
        self.per_type(&text, mask, |builder, value, mask| {
            let Some(text) = value.str else {
                let exit = builder.exit(at, Some("AttributeError"), "no text to split");
                builder.leave(mask, exit);
                return Ok(Value::default());
            };
            let args = match separator {
                Some(separator) => vec![text, separator],
                None => vec![text],
            };
            let slot = builder.emit(Op::TextSplitLen, &args, File::Int, mask, 0);
            Ok(Value::single(Tags::INT, slot))
        })
        .map(Some)
    }

    /// The `count` values that `a, b = expr` unpacks.
    pub(crate) fn items(
        &mut self,
        expr: &Expr,
        count: usize,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Vec<Value>> {
        let at = &expr.at;
        if let ExprKind::Sequence { kind, items } = &expr.kind
            && kind != "set"
            && items.len() == count
        {
            return items.iter().map(|item| self.expr(item, mask, env)).collect();
        }
        let Some((text, separator)) = self.split_call(expr, mask, env)? else {
            return Err(at.reason("unpacking this is not compiled"));
        };
        if let Some(lanes) = self.split_len(expr, mask, env)?.and_then(|value| value.int) {
            let wanted = self.int(i64::try_from(count).unwrap_or(i64::MAX));
            let wrong = self.total(Op::IntCmp(crate::ir::Cmp::Ne), &[lanes, wanted], File::Byte);
            let exit = self.exit(at, Some("ValueError"), "the text has another number of parts");
            self.leave_where(wrong, mask, exit);
        }
        (0..count)
            .map(|index| {
                let index = self.int(i64::try_from(index).unwrap_or(i64::MAX));
                self.split_item(&text, separator.as_ref(), index, at, mask)
            })
            .collect()
    }
}
