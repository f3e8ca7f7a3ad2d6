//! The environment of workers: numeric libraries that keep to one budget of processors.

/// Variables by which numeric libraries take their number of threads, read when they are loaded.
const THREAD_VARIABLES: [&str; 7] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
];

/// Caps the threads of numeric libraries so that all workers together use `processors`, and fixes
/// the seed of `hash(str)` so that workers agree on it. `is_set` tells which variables the user has
/// set: those stay.
pub(crate) fn capped(
    processors: usize,
    workers: usize,
    is_set: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let threads = (processors / workers.max(1)).max(1).to_string();
    let caps = THREAD_VARIABLES.iter().map(|name| ((*name).to_owned(), threads.clone()));
    let seed = ("PYTHONHASHSEED".to_owned(), "0".to_owned());
    caps.chain([seed]).filter(|(name, _)| !is_set(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::capped;

    #[test]
    fn threads_share_the_processors() {
        let caps = capped(8, 4, |_| false);
        assert!(caps.contains(&("OMP_NUM_THREADS".to_owned(), "2".to_owned())));
        assert!(caps.contains(&("PYTHONHASHSEED".to_owned(), "0".to_owned())));
    }

    #[test]
    fn more_workers_than_processors_get_one_thread_each() {
        assert!(capped(2, 16, |_| false).contains(&("MKL_NUM_THREADS".to_owned(), "1".to_owned())));
    }

    #[test]
    fn what_the_user_has_set_stays() {
        let caps = capped(8, 4, |name| name == "OMP_NUM_THREADS" || name == "PYTHONHASHSEED");
        assert!(caps.iter().all(|(name, _)| name != "OMP_NUM_THREADS" && name != "PYTHONHASHSEED"));
    }
}
