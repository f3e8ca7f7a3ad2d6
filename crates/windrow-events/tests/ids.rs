//! Run ids: their time, their order, what may be one.
#![allow(clippy::unwrap_used)]

use windrow_events::{RunId, StageId, TaskId};

#[test]
fn an_id_shows_its_time() {
    let times = [
        (0, "19700101-000000-000-"),
        (951_782_399_999, "20000228-235959-999-"),
        (951_782_400_000, "20000229-000000-000-"),
        (1_795_185_108_123, "20261120-143148-123-"),
        (4_107_542_400_000, "21000301-000000-000-"),
    ];
    for (millis, prefix) in times {
        let id = RunId::new(millis, 7).to_string();
        assert!(id.starts_with(prefix), "{id} does not start with {prefix}");
        assert_eq!(id.len(), prefix.len() + 6);
    }
}

#[test]
fn ids_sort_by_time_and_differ_by_chance() {
    let ids: Vec<RunId> = [(5, 9), (1000, 3), (86_400_000, 1)]
        .map(|(millis, random)| RunId::new(millis, random))
        .into();
    assert!(ids.is_sorted());
    assert_ne!(RunId::new(5, 1), RunId::new(5, 2));
    assert_ne!(RunId::generate(), RunId::generate());
}

#[test]
fn only_what_may_stand_in_a_file_name_is_an_id() {
    let generated = RunId::generate();
    assert_eq!(RunId::parse(generated.as_str()), Some(generated));
    for text in ["", "../etc", "a b", "a/b", &"x".repeat(65)] {
        assert_eq!(RunId::parse(text), None, "{text}");
    }
    assert!(serde_json::from_str::<RunId>("\"../x\"").is_err());
}

#[test]
fn tasks_read_as_stage_and_partition() {
    let task = TaskId { stage: StageId(2), partition: 17, attempt: 0 };
    assert_eq!(task.to_string(), "2.17");
    assert_eq!(TaskId { attempt: 1, ..task }.to_string(), "2.17#1");
}
