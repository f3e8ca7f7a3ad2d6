//! The functions that a pool knows, by what they are named by.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::sync::Arc;

use super::calls::KnownFunction;

/// Functions known by their pickle at a time: a program may send a new closure with every call.
const MOST_PICKLED: usize = 1024;

/// Two independent hashes and the length: pickles may be large, and are not kept to compare.
type Fingerprint = (u64, u64, usize);

/// The functions that a pool knows.
#[derive(Default)]
pub(super) struct Functions {
    by_id: HashMap<String, Arc<KnownFunction>>,
    by_pickle: HashMap<Fingerprint, Arc<KnownFunction>>,
    /// The keys of `by_pickle`, oldest first.
    order: VecDeque<Fingerprint>,
    last_number: u64,
}

impl Functions {
    /// The function of this id, made by `make` from its number when it is new.
    pub(super) fn by_id(
        &mut self,
        id: &str,
        make: impl FnOnce(u64) -> io::Result<Arc<KnownFunction>>,
    ) -> io::Result<Arc<KnownFunction>> {
        if let Some(known) = self.by_id.get(id) {
            return Ok(Arc::clone(known));
        }
        let known = make(self.next_number())?;
        self.by_id.insert(id.to_owned(), Arc::clone(&known));
        Ok(known)
    }

    /// The function of this pickle, made by `make` from its number when it is new.
    pub(super) fn by_pickle(
        &mut self,
        pickled: &[u8],
        make: impl FnOnce(u64) -> io::Result<Arc<KnownFunction>>,
    ) -> io::Result<Arc<KnownFunction>> {
        let key = fingerprint(pickled);
        if let Some(known) = self.by_pickle.get(&key) {
            return Ok(Arc::clone(known));
        }
        let known = make(self.next_number())?;
        self.by_pickle.insert(key, Arc::clone(&known));
        self.order.push_back(key);
        if self.order.len() > MOST_PICKLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_pickle.remove(&oldest);
        }
        Ok(known)
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

fn fingerprint(bytes: &[u8]) -> Fingerprint {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(bytes);
        hasher.finish()
    };
    (hash(1), hash(2), bytes.len())
}
