//! From the syntax of Python's `re` to that of the `regex` crate, for what means the same in both
//! on ASCII text. Everything else is refused by name.

use std::fmt::Write;

/// A translated regular expression.
#[derive(Debug, Default)]
pub(crate) struct Translated {
    pub(crate) text: String,
    /// By group, from 1.
    pub(crate) names: Vec<Option<String>>,
    /// Whether it can match nothing at all.
    pub(crate) nullable: bool,
    /// Whether it has a `$`, which looks behind a final line end.
    pub(crate) dollar: bool,
}

pub(crate) const IGNORECASE: u32 = 2;
pub(crate) const MULTILINE: u32 = 8;
pub(crate) const DOTALL: u32 = 16;
pub(crate) const UNICODE: u32 = 32;
pub(crate) const ASCII: u32 = 256;

/// Translates a regular expression; the error says what is not compiled.
pub(crate) fn translate(pattern: &str, flags: u32) -> Result<Translated, String> {
    let mut parser = Parser {
        chars: pattern.chars().collect(),
        at: 0,
        flags,
        depth: 0,
        out: Translated::default(),
    };
    parser.leading_flags()?;
    if parser.flags & !(IGNORECASE | MULTILINE | DOTALL | UNICODE | ASCII) != 0 {
        return Err("these flags of a regular expression are not compiled".to_owned());
    }
    if parser.flags & IGNORECASE != 0 {
        if !pattern.is_ascii() {
            return Err("a case-blind regular expression beyond ASCII is not compiled".to_owned());
        }
        parser.out.text.push_str("(?i)");
    }
    let piece = parser.alternation()?;
    if parser.at < parser.chars.len() {
        return Err("an unbalanced regular expression is not compiled".to_owned());
    }
    parser.out.nullable = piece.nullable;
    Ok(parser.out)
}

/// What a piece of an expression can be.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    nullable: bool,
    /// Whether it only looks at a position.
    zero_width: bool,
    /// How many groups are in it.
    groups: usize,
    is_group: bool,
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    flags: u32,
    depth: usize,
    out: Translated,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let wanted: Vec<char> = text.chars().collect();
        let here = self.chars.get(self.at..self.at + wanted.len());
        if here == Some(wanted.as_slice()) {
            self.at += wanted.len();
            return true;
        }
        false
    }

    /// `(?im)` at the very beginning.
    fn leading_flags(&mut self) -> Result<(), String> {
        let start = self.at;
        if !self.eat("(?") {
            return Ok(());
        }
        let mut flags = 0;
        while let Some(c) = self.next() {
            flags |= match c {
                'i' => IGNORECASE,
                'm' => MULTILINE,
                's' => DOTALL,
                'u' => UNICODE,
                'a' => ASCII,
                ')' if flags != 0 => {
                    self.flags |= flags;
                    return Ok(());
                }
                _ => break,
            };
        }
        self.at = start;
        Ok(())
    }

    fn alternation(&mut self) -> Result<Piece, String> {
        self.depth += 1;
        if self.depth > 40 {
            return Err("a deeply nested regular expression is not compiled".to_owned());
        }
        let mut all = self.sequence()?;
        while self.peek() == Some('|') {
            self.at += 1;
            self.out.text.push('|');
            let other = self.sequence()?;
            all.nullable |= other.nullable;
            all.groups += other.groups;
        }
        self.depth -= 1;
        Ok(all)
    }

    fn sequence(&mut self) -> Result<Piece, String> {
        let mut all = Piece { nullable: true, ..Piece::default() };
        while let Some(c) = self.peek() {
            if matches!(c, '|' | ')') {
                break;
            }
            let atom = self.atom()?;
            let piece = self.quantified(atom)?;
            all.nullable &= piece.nullable;
            all.groups += piece.groups;
        }
        Ok(all)
    }

    fn atom(&mut self) -> Result<Piece, String> {
        let zero_width = Piece { nullable: true, zero_width: true, ..Piece::default() };
        let multiline = self.flags & MULTILINE != 0;
        match self.next() {
            Some('(') => return self.group(),
            Some('[') => self.class()?,
            Some('.') => {
                self.out.text.push_str(if self.flags & DOTALL != 0 { "(?s:.)" } else { "[^\\n]" });
            }
            Some('^') => {
                self.out.text.push_str(if multiline { "(?m:^)" } else { "\\A" });
                return Ok(zero_width);
            }
            Some('$') => {
                self.out.dollar |= !multiline;
                self.out.text.push_str(if multiline { "(?m:$)" } else { "\\z" });
                return Ok(zero_width);
            }
            Some('\\') => match self.next() {
                Some('b') => {
                    self.out.text.push_str("\\b");
                    return Ok(zero_width);
                }
                Some('A') => {
                    self.out.text.push_str("\\A");
                    return Ok(zero_width);
                }
                Some('Z') => {
                    self.out.text.push_str("\\z");
                    return Ok(zero_width);
                }
                Some(c) if "dDwWsS".contains(c) => {
                    let set = self.named_set(c);
                    let _ = write!(self.out.text, "[{set}]");
                }
                other => {
                    let c = self.escaped(other)?;
                    self.literal(c);
                }
            },
            Some(c @ ('*' | '+' | '?')) => {
                return Err(format!("a regular expression with a misplaced `{c}`"));
            }
            Some(c) => self.literal(c),
            None => return Err("a broken regular expression".to_owned()),
        }
        Ok(Piece::default())
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() {
            self.out.text.push(c);
        } else {
            let _ = write!(self.out.text, "\\x{{{:x}}}", u32::from(c));
        }
    }

    /// The contents of a class for `\d` and its like.
    fn named_set(&self, c: char) -> String {
        let space = if self.flags & ASCII != 0 { "\\t-\\r\\x20" } else { "\\t-\\r\\x1c-\\x20" };
        match c {
            'd' => "0-9".to_owned(),
            'D' => "^0-9".to_owned(),
            'w' => "0-9A-Za-z_".to_owned(),
            'W' => "^0-9A-Za-z_".to_owned(),
            's' => space.to_owned(),
            _ => format!("^{space}"),
        }
    }

    /// The character that an escape stands for.
    fn escaped(&mut self, c: Option<char>) -> Result<char, String> {
        Ok(match c {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('f') => '\x0c',
            Some('v') => '\x0b',
            Some('a') => '\x07',
            Some('x') => {
                let digits: String = self.chars.iter().skip(self.at).take(2).collect();
                self.at += 2;
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2);
                code.and_then(char::from_u32).ok_or("a broken escape in a regular expression")?
            }
            Some(c) if !c.is_ascii_alphanumeric() => c,
            Some(c) => {
                return Err(format!("`\\{c}` in a regular expression is not compiled"));
            }
            None => return Err("a broken regular expression".to_owned()),
        })
    }

    fn group(&mut self) -> Result<Piece, String> {
        let captures = if self.eat("?P<") {
            let mut name = String::new();
            while let Some(c) = self.next().filter(|c| *c != '>') {
                name.push(c);
            }
            let valid = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !valid {
                return Err("this name of a group is not compiled".to_owned());
            }
            self.out.names.push(Some(name));
            true
        } else if self.eat("?:") {
            false
        } else if self.peek() == Some('?') {
            return Err("look-around in a regular expression is not compiled".to_owned());
        } else {
            self.out.names.push(None);
            true
        };
        self.out.text.push_str(if captures { "(" } else { "(?:" });
        let inner = self.alternation()?;
        if self.next() != Some(')') {
            return Err("an unbalanced regular expression is not compiled".to_owned());
        }
        self.out.text.push(')');
        Ok(Piece {
            nullable: inner.nullable,
            zero_width: false,
            groups: inner.groups + usize::from(captures),
            is_group: captures,
        })
    }

    fn quantified(&mut self, atom: Piece) -> Result<Piece, String> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.bounds() {
                Some(bounds) => bounds,
                None => return Ok(atom),
            },
            _ => return Ok(atom),
        };
        self.at += 1;
        if atom.zero_width {
            return Err("a repeated position in a regular expression is not compiled".to_owned());
        }
        if most != Some(1) && (atom.nullable || atom.groups > usize::from(atom.is_group)) {
            return Err("a repeated group with groups or nothing in it is not compiled".to_owned());
        }
        let _ = match most {
            Some(most) => write!(self.out.text, "{{{least},{most}}}"),
            None => write!(self.out.text, "{{{least},}}"),
        };
        match self.peek() {
            Some('?') => {
                self.at += 1;
                self.out.text.push('?');
            }
            Some('+' | '*') => {
                return Err("this repetition in a regular expression is not compiled".to_owned());
            }
            Some('{') if self.bounds().is_some() => {
                return Err("this repetition in a regular expression is not compiled".to_owned());
            }
            _ => {}
        }
        Ok(Piece { nullable: atom.nullable || least == 0, ..atom })
    }

    /// `{m,n}`: moves to its closing brace; nothing if it is no repetition.
    fn bounds(&mut self) -> Option<(u32, Option<u32>)> {
        let rest: String = self.chars.iter().skip(self.at + 1).take_while(|c| **c != '}').collect();
        let closed = self.chars.get(self.at + 1 + rest.chars().count()) == Some(&'}');
        let number = |text: &str| {
            let plain = text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 4;
            if plain { text.parse::<u32>().ok() } else { None }
        };
        let bounds = match rest.split_once(',') {
            None => number(&rest).map(|count| (count, Some(count))),
            Some(("", "")) => None,
            Some((least, "")) => number(least).map(|least| (least, None)),
            Some(("", most)) => number(most).map(|most| (0, Some(most))),
            Some((least, most)) => {
                number(least).zip(number(most)).map(|(least, most)| (least, Some(most)))
            }
        };
        let bounds = bounds.filter(|(least, most)| closed && most.is_none_or(|m| *least <= m))?;
        self.at += 1 + rest.chars().count();
        Some(bounds)
    }

    fn class(&mut self) -> Result<(), String> {
        let mut set = String::from("[");
        if self.peek() == Some('^') {
            self.at += 1;
            set.push('^');
        }
        let mut first = true;
        loop {
            let low = match self.next() {
                None => return Err("an unbalanced regular expression is not compiled".to_owned()),
                Some(']') if !first => break,
                Some('\\') => match self.next() {
                    Some(c) if "dws".contains(c) => {
                        set.push_str(&self.named_set(c));
                        first = false;
                        continue;
                    }
                    Some('b') => '\x08',
                    other => self.escaped(other)?,
                },
                Some('[') if self.peek() == Some(':') => {
                    return Err("`[:` in a regular expression is not compiled".to_owned());
                }
                Some(c) => c,
            };
            first = false;
            let _ = write!(set, "\\x{{{:x}}}", u32::from(low));
            let ranged = self.peek() == Some('-')
                && self.chars.get(self.at + 1).is_some_and(|after| *after != ']');
            if ranged {
                self.at += 1;
                let high = match self.next() {
                    Some('\\') => {
                        let c = self.next();
                        self.escaped(c)?
                    }
                    Some(c) => c,
                    None => return Err("a broken regular expression".to_owned()),
                };
                if high < low {
                    return Err("a broken regular expression".to_owned());
                }
                let _ = write!(set, "-\\x{{{:x}}}", u32::from(high));
            }
        }
        set.push(']');
        self.out.text.push_str(&set);
        Ok(())
    }
}
