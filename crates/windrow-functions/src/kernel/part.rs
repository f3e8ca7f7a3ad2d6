//! A piece of text that is looked for, or counted, in the short texts of columns: eight bytes at a
//! time, as [SWAR](https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord) does it.

/// Beyond this length of a text the standard library's search is the quicker one.
const SHORT: usize = 256;

/// A piece of text that is looked for, in many texts.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    text: &'a str,
    /// Where its byte is that is met least often.
    key: usize,
    /// That byte, eight times.
    rare: u64,
    /// Its first eight bytes, and which of them it has.
    word: u64,
    mask: u64,
}

impl<'a> Part<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let rarest = bytes.iter().copied().enumerate().max_by_key(|(_, byte)| rarity(*byte));
        let (key, byte) = rarest.unwrap_or((0, 0));
        let unused = 8_usize.saturating_sub(bytes.len());
        let mask = u64::MAX.checked_shr(8 * u32::try_from(unused).unwrap_or(8)).unwrap_or(0);
        Self { text, key, rare: eight_of(byte), word: first_eight(bytes), mask }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The byte position of the first one in a text.
    #[inline]
    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        match self.near(text.as_bytes()) {
            None => self.anywhere(text),
            found => found,
        }
    }

    /// The first one, where it is so near to the beginning that one look at eight bytes tells.
    #[inline]
    fn near(&self, text: &[u8]) -> Option<usize> {
        let eight = text.get(self.key..)?.first_chunk::<8>()?;
        let at = first_zero(u64::from_le_bytes(*eight) ^ self.rare)?;
        let here = text.get(at..)?;
        (self.len() > 0 && here.len() >= self.len() && self.starts(here)).then_some(at)
    }

    #[inline(never)]
    fn anywhere(&self, text: &str) -> Option<usize> {
        if text.len() > SHORT || self.len() == 0 {
            return text.find(self.text);
        }
        let text = text.as_bytes();
        let mut start = 0;
        // The rare byte is looked for; the others are compared where it is.
        loop {
            let at = start + find_byte(text.get(start + self.key..)?, self.rare)?;
            let here = text.get(at..)?;
            if here.len() < self.len() {
                return None;
            }
            if self.starts(here) {
                return Some(at);
            }
            start = at + 1;
        }
    }

    /// Whether bytes, which are not fewer, begin with the piece.
    #[inline]
    fn starts(&self, bytes: &[u8]) -> bool {
        (first_eight(bytes) ^ self.word) & self.mask == 0
            && (self.len() <= 8 || bytes.starts_with(self.text.as_bytes()))
    }
}

/// How seldom a byte is met in text.
fn rarity(byte: u8) -> u8 {
    match byte {
        b' ' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' | b'0'..=b'9' => 2,
        _ => 3,
    }
}

/// The first eight bytes, or as many as there are and zeros, the first one lowest.
#[inline]
pub(crate) fn first_eight(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*eight);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // They overlap in bytes that are the same in both.
        let [first, last] = [first, last].map(|four| u64::from(u32::from_le_bytes(*four)));
        return first | last << (8 * (bytes.len() - 4));
    }
    match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from_le_bytes([a, b, 0, 0, 0, 0, 0, 0]),
        [a, b, c] => u64::from_le_bytes([a, b, c, 0, 0, 0, 0, 0]),
        _ => 0,
    }
}

/// The position of the first byte that is the one which `wanted` has eight times; the last eight
/// may overlap those before, which have been found to be others.
#[inline]
fn find_byte(bytes: &[u8], wanted: u64) -> Option<usize> {
    let first = |eight: u64| first_zero(eight ^ wanted);
    let Some(last) = bytes.last_chunk::<8>() else {
        // Zeros that were filled in are none of the text.
        return first(first_eight(bytes)).filter(|&at| at < bytes.len());
    };
    for (place, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        if let Some(at) = first(u64::from_le_bytes(*eight)) {
            return Some(8 * place + at);
        }
    }
    first(u64::from_le_bytes(*last)).map(|at| bytes.len() - 8 + at)
}

fn eight_of(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The position of the first byte that is zero.
fn first_zero(eight: u64) -> Option<usize> {
    let found = zero_bytes(eight);
    (found != 0).then_some(found.trailing_zeros() as usize / 8)
}

/// The highest bit of each byte that is zero; all other bits are clear.
fn zero_bytes(eight: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    !(((eight & LOW) + LOW) | eight | LOW)
}

/// `text.count(part)`
pub(crate) fn count(text: &str, part: &str) -> usize {
    match *part.as_bytes() {
        [byte] => count_byte(text.as_bytes(), byte),
        _ => text.matches(part).count(),
    }
}

/// How often a byte is there; the last eight may overlap those before.
fn count_byte(bytes: &[u8], wanted: u8) -> usize {
    let pattern = eight_of(wanted);
    // A 1 in each byte that is the wanted one.
    let found = |eight: [u8; 8]| zero_bytes(u64::from_le_bytes(eight) ^ pattern) >> 7;
    let Some(&last) = bytes.last_chunk::<8>() else {
        return bytes.iter().filter(|&&byte| byte == wanted).count();
    };
    let (eights, rest) = bytes.as_chunks::<8>();
    let bits = u32::try_from(64 - 8 * rest.len()).unwrap_or(64);
    let mut count = sum_of_bytes(found(last).checked_shr(bits).unwrap_or(0));
    for eight in eights {
        count += sum_of_bytes(found(*eight));
    }
    count
}

fn sum_of_bytes(bytes: u64) -> usize {
    usize::from(bytes.wrapping_mul(0x0101_0101_0101_0101).to_be_bytes()[0])
}
