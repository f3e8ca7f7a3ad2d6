//! Noticing Ctrl-C, so that a run can end cleanly: no temporary files, no processes left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// A flag that is set from the first Ctrl-C (or request to terminate) on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    raised: Arc<AtomicBool>,
}

impl Interrupt {
    /// Watches from now on. Where that cannot be done, Ctrl-C ends the process as usual.
    pub(crate) fn watch() -> Self {
        let interrupt = Self::default();
        let raised = Arc::clone(&interrupt.raised);
        let (ready, wait) = std::sync::mpsc::channel();
        let watcher = thread::Builder::new().name("windrow-interrupt".to_owned());
        let started = watcher.spawn(move || {
            let Ok(runtime) = Builder::new_current_thread().enable_io().build() else { return };
            runtime.block_on(async {
                let Ok(mut interrupts) = signal(SignalKind::interrupt()) else { return };
                let Ok(mut terminations) = signal(SignalKind::terminate()) else { return };
                let _ = ready.send(());
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                raised.store(true, Ordering::Relaxed);
            });
        });
        if started.is_ok() {
            let _ = wait.recv();
        }
        interrupt
    }

    /// Whether the user wants the run to end.
    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }
}
