//! Case and classes of letters beyond ASCII, where all versions of Unicode that a Python may have
//! agree: Latin with accents, Greek, Cyrillic, Chinese, Japanese and Korean. Text with other
//! characters is the interpreter's.

use crate::ir::TextTest;

/// A letter whose case and classes never changed.
///
/// Left out: `İ` and `ŉ` (whose other case has two characters), `Σ` (its small form depends on
/// what is around it), and all that came to Unicode later.
fn is_letter(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{12f}'
        | '\u{131}'..='\u{148}' | '\u{14a}'..='\u{17f}' | '\u{391}'..='\u{3a1}'
        | '\u{3a4}'..='\u{3af}' | '\u{3b1}'..='\u{3c9}' | '\u{400}'..='\u{45f}' | '\u{490}'..='\u{491}')
        || is_caseless(c)
}

/// A letter without case.
fn is_caseless(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3094}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fa5}'
        | '\u{ac00}'..='\u{d7a3}')
}

/// What is neither letter nor digit nor white space.
fn is_sign(c: char) -> bool {
    matches!(c, '\u{21}'..='\u{2f}' | '\u{3a}'..='\u{40}' | '\u{5b}'..='\u{60}' | '\u{7b}'..='\u{7e}'
        | '\u{a1}'..='\u{a9}' | '\u{ab}'..='\u{b1}' | '\u{b4}' | '\u{b6}'..='\u{b8}' | '\u{bb}'
        | '\u{bf}' | '\u{d7}' | '\u{f7}' | '\u{2010}'..='\u{2027}' | '\u{20ac}')
}

/// Whether changing the case of a character is known.
fn is_known(c: char) -> bool {
    c.is_ascii() || c == '\u{a0}' || is_letter(c) || is_sign(c)
}

/// Appends `text.lower()`; false, and nothing, where the interpreter has to find out.
pub(crate) fn lower(text: &str, out: &mut String) -> bool {
    change(text, out, |c, out| match c {
        _ if c.is_ascii() => out.push(c.to_ascii_lowercase()),
        '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{de}' => out.push(moved(c, 0x20)),
        _ => out.extend(c.to_lowercase()),
    })
}

/// Appends `text.upper()`.
pub(crate) fn upper(text: &str, out: &mut String) -> bool {
    change(text, out, |c, out| match c {
        _ if c.is_ascii() => out.push(c.to_ascii_uppercase()),
        '\u{e0}'..='\u{f6}' | '\u{f8}'..='\u{fe}' => out.push(moved(c, -0x20)),
        _ => out.extend(c.to_uppercase()),
    })
}

/// Appends each character after `one` has changed it; nothing if one of them is not known.
#[inline]
fn change(text: &str, out: &mut String, one: impl Fn(char, &mut String)) -> bool {
    let start = out.len();
    for c in text.chars() {
        if !is_known(c) {
            out.truncate(start);
            return false;
        }
        one(c, out);
    }
    true
}

/// The letter that is `by` places away, as the two cases are in Latin-1.
fn moved(c: char, by: i32) -> char {
    u32::from(c).checked_add_signed(by).and_then(char::from_u32).unwrap_or(c)
}

/// Whether the capital form at the start of a word is that of `upper()`, one character.
fn is_plain(c: char) -> bool {
    c.is_ascii() || (c != 'ß' && (is_letter(c) && !is_caseless(c)))
}

/// Appends `text.title()`.
pub(crate) fn title(text: &str, out: &mut String) -> bool {
    if !text.chars().all(|c| is_plain(c) || is_sign(c)) {
        return false;
    }
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_ascii_alphabetic() || (!c.is_ascii() && is_letter(c));
    }
    true
}

/// Appends `text.capitalize()`.
pub(crate) fn capitalize(text: &str, out: &mut String) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return true };
    if !(is_plain(first) || is_sign(first)) || !chars.clone().all(is_known) {
        return false;
    }
    out.extend(first.to_uppercase());
    out.extend(chars.flat_map(char::to_lowercase));
    true
}

/// The answer of a test of all characters; None where the interpreter has to find out.
pub(crate) fn test(test: TextTest, text: &str) -> Option<bool> {
    if !text.chars().all(|c| c.is_ascii() || is_letter(c) || is_sign(c)) {
        return None;
    }
    let letter = |c: char| c.is_ascii_alphabetic() || (!c.is_ascii() && is_letter(c));
    let all = |wanted: &dyn Fn(char) -> bool| !text.is_empty() && text.chars().all(wanted);
    let upper = || text.chars().any(char::is_uppercase);
    let lower = || text.chars().any(char::is_lowercase);
    Some(match test {
        TextTest::Digit => all(&|c| c.is_ascii_digit()),
        TextTest::Alpha => all(&letter),
        TextTest::Alnum => all(&|c| letter(c) || c.is_ascii_digit()),
        TextTest::Space => all(&crate::kernel::text::is_space),
        TextTest::Upper => upper() && !lower(),
        TextTest::Lower => lower() && !upper(),
    })
}
