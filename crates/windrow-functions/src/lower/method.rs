//! Methods, indexing and slicing of text; `.get` of a captured dict; unpacking a split.

use crate::ir::{File, Mask, Op, Slot, SplitWay, TextMap, TextPairTest, TextTest};
use crate::lower::flow::Env;
use crate::lower::{Builder, Gather, Lowered};
use crate::spec::{At, Expr, ExprKind, Literal};
use crate::value::{Tags, Value};

/// A text and the way it is cut.
struct Cut {
    /// None: no row has a text.
    text: Option<Slot>,
    /// None: at white space.
    separator: Option<Slot>,
    way: SplitWay,
}

const NON_ASCII: &str = "a text with characters beyond ASCII";

/// What is computed for arguments of single types.
type PerArguments<'f, B> = dyn FnMut(&mut B, &[Value], Mask) -> Lowered<Value> + 'f;

/// Methods that integers or floats have.
const OF_NUMBERS: [&str; 9] = [
    "as_integer_ratio",
    "bit_count",
    "bit_length",
    "conjugate",
    "from_bytes",
    "fromhex",
    "hex",
    "is_integer",
    "to_bytes",
];

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
        if let (ExprKind::Const { value: Literal::Str(joint) }, "join", [comp]) =
            (&target.kind, name, args)
            && joint.is_empty()
            && let Some(value) = self.character_gather(Gather::Join, comp, mask, env)?
        {
            return Ok(value);
        }
        let value = self.expr(target, mask, env)?;
        // The method is looked up before the arguments are computed.
        let Some(text) = self.text_only(&value, name, at, mask) else {
            return Ok(Value::default());
        };
        if let [arg] = args
            && matches!(
                arg.kind,
                ExprKind::Sequence { .. } | ExprKind::Const { value: Literal::Tuple(_) }
            )
        {
            return self.any_affix(text, name, arg, mask, env);
        }
        let mut values = Vec::new();
        for arg in args {
            values.push(self.expr(arg, mask, env)?);
        }
        self.per_argument(&values, &mut Vec::new(), mask, &mut |builder, args, mask| {
            builder.text_method(text, name, args, at, mask)
        })
    }

    /// The lanes of a value that are text; those that are not leave, for want of the method.
    fn text_only(&mut self, value: &Value, method: &str, at: &At, mask: Mask) -> Option<Slot> {
        for tag in value.tags.each().filter(|&tag| tag != Tags::STR) {
            let here = self.has_tag(value, tag);
            let lanes = self.narrow(mask, here);
            let text = format!("`{}` has no method `{method}`", tag.name());
            // Numbers have methods of their own, which rows are run for.
            let certain = !OF_NUMBERS.contains(&method);
            let exit = self.exit(at, certain.then_some("AttributeError"), &text);
            self.leave(lanes, exit);
        }
        value.str
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
        text: Slot,
        name: &str,
        arg: &Expr,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Value> {
        let at = &arg.at;
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
        let mut found = self.byte(0);
        for literal in &literals {
            let one = self.text_method(text, name, std::slice::from_ref(literal), at, mask)?;
            if let Some(lanes) = one.bool {
                found = self.or(found, lanes);
            }
        }
        Ok(Value::single(Tags::BOOL, found))
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
            ("removeprefix", [File::Text]) => (Op::TextRemove { prefix: true }, File::Text, 0),
            ("removesuffix", [File::Text]) => (Op::TextRemove { prefix: false }, File::Text, 0),
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
        if let Some(cut) = self.split_call(target, mask, env)? {
            let index = self.expr(index, mask, env)?;
            let Some(index) = index.int.filter(|_| index.tags == Tags::INT) else {
                return Err(at.reason("a part of a split chosen by no integer"));
            };
            return self.split_item(&cut, index, at, mask);
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
        let mut limits = Vec::new();
        for bound in &bounds[..2] {
            limits.push(match bound {
                Some(bound) => self.expr(bound, mask, env)?,
                None => Value::none(),
            });
        }
        let step = match bounds[2] {
            None => 1,
            Some(step) => match self.expr(step, mask, env)?.known {
                Some(Literal::Int(digits)) => digits.parse().unwrap_or(0),
                Some(Literal::None) => 1,
                _ => 0,
            },
        };
        let unbounded = limits.iter().all(|limit| limit.tags == Tags::NONE);
        let reverse = step == -1 && unbounded;
        if step != 1 && !reverse {
            return Err(at.reason("a slice with this step is not compiled"));
        }
        self.per_type(&value, mask, |builder, value, mask| {
            let Some(text) = value.str else {
                return Ok(builder.type_error(at, mask, "a slice of what is no text"));
            };
            if reverse {
                let slot = builder.emit(Op::TextReverse, &[text], File::Text, mask, 0);
                return Ok(Value::single(Tags::STR, slot));
            }
            builder.per_argument(&limits, &mut Vec::new(), mask, &mut |b, limits, mask| {
                b.slice_single(text, limits, at, mask)
            })
        })
    }

    fn slice_single(
        &mut self,
        text: Slot,
        limits: &[Value],
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        let mut args = vec![text];
        let mut given = [false, false];
        for (limit, given) in limits.iter().zip(&mut given) {
            let slot = match self.numeric(limit) {
                Some(slot) if slot.file == File::Int => {
                    *given = true;
                    slot
                }
                None if limit.tags == Tags::NONE => self.int(0),
                _ => return Ok(self.type_error(at, mask, "a slice bound that is no integer")),
            };
            args.push(slot);
        }
        let op = Op::TextSlice { lower: given[0], upper: given[1] };
        Ok(Value::single(Tags::STR, self.emit(op, &args, File::Text, mask, 0)))
    }

    /// The text and the way of cutting it of `text.split(separator)` and its like.
    fn split_call(&mut self, expr: &Expr, mask: Mask, env: &mut Env) -> Lowered<Option<Cut>> {
        let ExprKind::Method { value, name, args, keywords } = &expr.kind else { return Ok(None) };
        let partition = matches!(name.as_str(), "partition" | "rpartition");
        let from_right = matches!(name.as_str(), "rsplit" | "rpartition");
        if (name != "split" && name != "rsplit" && !partition) || !keywords.is_empty() {
            return Ok(None);
        }
        let (separator, limit) = match (args.as_slice(), partition) {
            ([], false) => (None, None),
            ([separator], _) => (Some(separator), None),
            ([separator, limit], false) => (Some(separator), Some(limit)),
            _ => return Err(expr.at.reason(format!("`{name}` with these arguments"))),
        };
        let value = self.expr(value, mask, env)?;
        let text = self.text_only(&value, name, &expr.at, mask);
        let separator = match separator {
            None => None,
            Some(separator) => {
                let separator = self.expr(separator, mask, env)?;
                match (&separator.known, separator.str) {
                    (Some(Literal::None), _) if !partition => None,
                    (Some(Literal::Str(known)), Some(slot)) if !known.is_empty() => Some(slot),
                    _ => return Err(expr.at.reason("a split at no constant text is not compiled")),
                }
            }
        };
        let limit = match limit {
            None => u8::from(partition),
            Some(limit) => match self.expr(limit, mask, env)?.known {
                Some(Literal::Int(digits)) if digits == "-1" => 0,
                Some(Literal::Int(digits)) => digits
                    .parse()
                    .ok()
                    .filter(|limit| *limit > 0)
                    .ok_or_else(|| expr.at.reason("a split with this limit is not compiled"))?,
                _ => return Err(expr.at.reason("a split with this limit is not compiled")),
            },
        };
        if separator.is_none() && (limit > 0 || from_right) {
            return Err(expr.at.reason("a split at white space with a limit is not compiled"));
        }
        let way = SplitWay { limit, from_right, partition };
        Ok(Some(Cut { text, separator, way }))
    }

    fn split_item(&mut self, cut: &Cut, index: Slot, at: &At, mask: Mask) -> Lowered<Value> {
        let Some(text) = cut.text else { return Ok(Value::default()) };
        let exit = self.exit(at, Some("IndexError"), "the text has fewer parts");
        let slot = match cut.separator {
            Some(separator) => {
                let op = Op::TextSplitItem(cut.way);
                self.emit(op, &[text, separator, index], File::Text, mask, exit)
            }
            None => self.emit(Op::TextSplitSpaceItem, &[text, index], File::Text, mask, exit),
        };
        Ok(Value::single(Tags::STR, slot))
    }

    /// `len(text.split(separator))`
    pub(crate) fn split_len(
        &mut self,
        expr: &Expr,
        mask: Mask,
        env: &mut Env,
    ) -> Lowered<Option<Value>> {
        let Some(cut) = self.split_call(expr, mask, env)? else { return Ok(None) };
        let Some(text) = cut.text else { return Ok(Some(Value::default())) };
        let args = match cut.separator {
            Some(separator) => vec![text, separator],
            None => vec![text],
        };
        let slot = self.emit(Op::TextSplitLen(cut.way), &args, File::Int, mask, 0);
        Ok(Some(Value::single(Tags::INT, slot)))
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
        let Some(cut) = self.split_call(expr, mask, env)? else {
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
                self.split_item(&cut, index, at, mask)
            })
            .collect()
    }
}
