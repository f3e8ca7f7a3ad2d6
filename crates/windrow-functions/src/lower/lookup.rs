//! Captured containers as tables: `d[k]`, `d.get(k, x)`, `k in c`, `names[i]`.

use std::collections::HashMap;

use crate::ir::{Cmp, File, Mask, Op, Slot, TableId};
use crate::kernel::number::whole;
use crate::lower::builder::float_of;
use crate::lower::{Builder, Lowered, Truth};
use crate::spec::{At, Expr, ExprKind, Literal};
use crate::value::{Tags, Value};

/// Keys and, for dicts and sequences, values by position.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Table {
    ints: HashMap<i64, i64>,
    floats: HashMap<u64, i64>,
    texts: HashMap<String, i64>,
    none: Option<i64>,
    /// The values, by position; empty for sets.
    pub(crate) values: Values,
    entries: usize,
    is_sequence: bool,
}

/// Values by position, in one list for each type that occurs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) tags: Vec<u8>,
    pub(crate) ints: Vec<i64>,
    pub(crate) floats: Vec<f64>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) texts: Vec<String>,
    all: Tags,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// The position of an int, or -1.
    pub(crate) fn find_int(&self, key: i64) -> i64 {
        self.ints.get(&key).copied().unwrap_or(-1)
    }

    /// The position of a float; 1.0 is the same key as 1.
    pub(crate) fn find_float(&self, key: f64) -> i64 {
        match whole(key) {
            Some(int) => self.find_int(int),
            None => self.floats.get(&key.to_bits()).copied().unwrap_or(-1),
        }
    }

    /// The position of a text, or -1.
    pub(crate) fn find_text(&self, key: &str) -> i64 {
        self.texts.get(key).copied().unwrap_or(-1)
    }

    fn insert(&mut self, key: &Literal, position: i64) -> Option<()> {
        // Of equal keys a sequence finds the first; a dict has only one.
        match key {
            Literal::None => {
                self.none.get_or_insert(position);
            }
            Literal::Bool(value) => {
                self.ints.entry(i64::from(*value)).or_insert(position);
            }
            Literal::Int(digits) => {
                self.ints.entry(digits.parse().ok()?).or_insert(position);
            }
            Literal::Float(_) => {
                let value = float_of(key)?;
                if value.is_nan() {
                    return None; // found by identity, not by value
                }
                match whole(value) {
                    Some(int) => self.ints.entry(int).or_insert(position),
                    None => self.floats.entry(value.to_bits()).or_insert(position),
                };
            }
            Literal::Str(text) => {
                self.texts.entry(text.clone()).or_insert(position);
            }
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, value: &Literal) -> Option<()> {
        let values = &mut self.values;
        let (mut int, mut float, mut byte, mut text) = (0, 0.0, 0, "");
        let tag = match value {
            Literal::None => Tags::NONE,
            Literal::Bool(value) => {
                byte = u8::from(*value);
                Tags::BOOL
            }
            Literal::Int(digits) => {
                int = digits.parse().ok()?;
                Tags::INT
            }
            Literal::Float(_) => {
                float = float_of(value)?;
                Tags::FLOAT
            }
            Literal::Str(value) => {
                text = value;
                Tags::STR
            }
            _ => return None,
        };
        values.tags.push(tag.bits());
        values.ints.push(int);
        values.floats.push(float);
        values.bytes.push(byte);
        values.texts.push(text.to_owned());
        values.all = values.all.union(tag);
        Some(())
    }

    fn build(literal: &Literal) -> Option<Self> {
        let mut table = Self::default();
        match literal {
            Literal::List(items) | Literal::Tuple(items) | Literal::Set(items) => {
                table.is_sequence = !matches!(literal, Literal::Set(_));
                for (position, item) in items.iter().enumerate() {
                    table.insert(item, i64::try_from(position).ok()?)?;
                    if table.is_sequence {
                        table.push(item)?;
                    }
                }
                table.entries = items.len();
            }
            Literal::Dict(items) => {
                for (position, (key, value)) in items.iter().enumerate() {
                    table.insert(key, i64::try_from(position).ok()?)?;
                    table.push(value)?;
                }
                table.entries = items.len();
            }
            _ => return None,
        }
        Some(table)
    }
}

impl Builder<'_> {
    /// The table of an expression that is a container of constants.
    pub(crate) fn table(&mut self, expr: &Expr) -> Lowered<Option<TableId>> {
        let collected;
        let literal = match &expr.kind {
            ExprKind::Const { value } => value,
            ExprKind::Sequence { kind, items } => {
                let mut literals = Vec::new();
                for item in items {
                    match &item.kind {
                        ExprKind::Const { value } => literals.push(value.clone()),
                        _ => return Ok(None),
                    }
                }
                collected =
                    if kind == "set" { Literal::Set(literals) } else { Literal::List(literals) };
                &collected
            }
            _ => return Ok(None),
        };
        match literal {
            Literal::Range(_) => return Err(expr.at.reason("a captured range is not compiled")),
            Literal::List(_) | Literal::Tuple(_) | Literal::Set(_) | Literal::Dict(_) => {}
            _ => return Ok(None),
        }
        let Some(table) = Table::build(literal) else {
            return Err(expr
                .at
                .reason("a container of values beyond 64 bits or NaN is not compiled"));
        };
        let found = self.tables.iter().position(|known| *known == table);
        let index = found.unwrap_or_else(|| {
            self.tables.push(table);
            self.tables.len() - 1
        });
        let id = TableId::try_from(index);
        id.map(Some).map_err(|_| expr.at.reason("too many captured containers"))
    }

    /// The position of a key in a table, -1 where it is missing.
    fn find(&mut self, key: &Value, table: TableId, mask: Mask) -> Lowered<Value> {
        self.per_type(key, mask, |builder, key, mask| {
            let slot = if key.tags == Tags::NONE {
                let position = builder.tables[usize::from(table)].none.unwrap_or(-1);
                builder.int(position)
            } else {
                let key = match key.str {
                    Some(text) => Some(text),
                    None => builder.numeric(key),
                };
                let Some(key) = key else { return Ok(Value::default()) };
                builder.emit(Op::Find(table), &[key], File::Int, mask, 0)
            };
            Ok(Value::single(Tags::INT, slot))
        })
    }

    pub(crate) fn table_contains(
        &mut self,
        key: &Value,
        table: TableId,
        _at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        let found = self.find(key, table, mask)?;
        let Some(position) = found.int else { return Ok(found) };
        let slot = self.is_found(position);
        Ok(Value::single(Tags::BOOL, slot))
    }

    fn is_found(&mut self, position: Slot) -> Slot {
        let zero = self.int(0);
        self.total(Op::IntCmp(Cmp::Ge), &[position, zero], File::Byte)
    }

    /// `d[k]` or `names[i]`
    pub(crate) fn table_index(
        &mut self,
        table: TableId,
        key: &Value,
        at: &At,
        mask: Mask,
    ) -> Lowered<Value> {
        if self.tables[usize::from(table)].is_sequence {
            return self.per_type(key, mask, |builder, key, mask| {
                let Some(index) = builder.numeric(key).filter(|slot| slot.file == File::Int) else {
                    return Ok(builder.type_error(at, mask, "an index that is no integer"));
                };
                let exit = builder.exit(at, Some("IndexError"), "the index is out of range");
                let index = builder.emit(Op::CheckIndex(table), &[index], File::Int, mask, exit);
                Ok(builder.gather(table, index))
            });
        }
        let found = self.find(key, table, mask)?;
        let Some(position) = found.int else { return Ok(found) };
        let zero = self.int(0);
        let missing = self.total(Op::IntCmp(Cmp::Lt), &[position, zero], File::Byte);
        let exit = self.exit(at, Some("KeyError"), "the key is not in the dict");
        self.leave_where(missing, mask, exit);
        Ok(self.gather(table, position))
    }

    /// `d.get(k, default)`
    pub(crate) fn table_get(
        &mut self,
        table: TableId,
        key: &Value,
        default: &Value,
        mask: Mask,
    ) -> Lowered<Value> {
        let found = self.find(key, table, mask)?;
        let Some(position) = found.int else { return Ok(found) };
        if self.tables[usize::from(table)].entries == 0 {
            return Ok(default.clone());
        }
        let present = self.is_found(position);
        let value = self.gather(table, position);
        Ok(self.select(Truth::Lanes(present), &value, default))
    }

    fn gather(&mut self, table: TableId, position: Slot) -> Value {
        let all = self.tables[usize::from(table)].values.all;
        let mut value = Value { tags: all, ..Value::default() };
        for tag in all.each() {
            if let Some(file) = tag.file() {
                let slot = self.total(Op::Gather(table), &[position], file);
                value.set(tag, slot);
            }
        }
        if !all.is_single() {
            value.tag = Some(self.total(Op::GatherTag(table), &[position], File::Byte));
        }
        value
    }
}
