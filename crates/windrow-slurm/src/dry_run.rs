//! What would be submitted for a whole job, as text: the same scripts, before there are any ids.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use crate::script::{Array, Pilots, array_script, pilot_script, split};
use crate::settings::SlurmSettings;

/// A stage of a job that has not been submitted.
#[derive(Debug, Clone)]
pub struct PlannedStage {
    /// Its number.
    pub id: u32,
    /// What it does, in a few words.
    pub name: String,
    /// How many tasks it has.
    pub tasks: usize,
    /// The stages that it reads.
    pub inputs: Vec<u32>,
}

/// The scripts of all stages in order, each under a line that says what it is. Where an id would
/// stand in a dependency, the name of the job stands in angle brackets.
pub fn dry_run(
    folder: &Path,
    stages: &[PlannedStage],
    settings: &SlurmSettings,
    program: &[String],
    largest_array: usize,
) -> String {
    let mut text = String::new();
    let logs = folder.join("logs");
    if settings.pilots > 0 {
        let pilots = Pilots {
            name: "windrow-RUN-pilots-0",
            count: settings.pilots,
            folder,
            logs: &logs,
            time: settings.time,
            idle: crate::backend::IDLE,
        };
        let tasks: usize = stages.iter().map(|stage| stage.tasks).sum();
        let title =
            format!("{} pilots for {} stages, {tasks} tasks", settings.pilots, stages.len());
        section(&mut text, &title, &pilot_script(&pilots, settings, program));
        return text;
    }
    let mut names: HashMap<u32, Vec<String>> = HashMap::new();
    let mut count = 0;
    for stage in stages {
        let after: Vec<String> =
            stage.inputs.iter().filter_map(|input| names.get(input)).flatten().cloned().collect();
        for part in split(stage.tasks, largest_array) {
            let name = format!("windrow-RUN-s{}-{count}", stage.id);
            let about = about_stage(stage.id, &stage.name, part.len());
            let array = Array {
                name: &name,
                about: &about,
                tasks: u32::try_from(part.len()).unwrap_or(u32::MAX),
                file: &folder.join("tasks").join(format!("{name}.json")),
                outcomes: &folder.join("outcomes"),
                logs: &logs,
                time: settings.time,
                after: &after,
            };
            section(&mut text, &about, &array_script(&array, settings, program));
            names.entry(stage.id).or_default().push(format!("<{name}>"));
            count += 1;
        }
    }
    text
}

/// What a batch of a stage's tasks is, for people.
pub(crate) fn about_stage(id: u32, name: &str, tasks: usize) -> String {
    let noun = if tasks == 1 { "task" } else { "tasks" };
    format!("stage {id} ({name}): {tasks} {noun}")
}

fn section(text: &mut String, title: &str, script: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "==== {title}\n{script}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PlannedStage, dry_run};
    use crate::SlurmSettings;

    fn shown(options: &str, largest: usize) -> String {
        let stage = |id: u32, name: &str, tasks, inputs: &[u32]| PlannedStage {
            id,
            name: name.to_owned(),
            tasks,
            inputs: inputs.to_vec(),
        };
        let stages = [stage(0, "read", 3, &[]), stage(1, "group", 1, &[0])];
        let settings = SlurmSettings::from_json(options).unwrap();
        dry_run(Path::new("/shared/RUN"), &stages, &settings, &["windrow".to_owned()], largest)
    }

    #[test]
    fn all_stages_are_shown_with_what_they_wait_for() {
        insta::assert_snapshot!(shown(r#"{"partition": "main", "time": "30m"}"#, 2), @r##"
        ==== stage 0 (read): 1 task
        #!/bin/bash
        # stage 0 (read): 1 task
        #SBATCH --job-name=windrow-RUN-s0-0
        #SBATCH --partition=main
        #SBATCH --time=00:30:00
        #SBATCH --cpus-per-task=1
        #SBATCH --no-requeue
        #SBATCH --open-mode=append
        #SBATCH --array=0-0
        #SBATCH --output=/shared/RUN/logs/windrow-RUN-s0-0-%A_%a.log

        exec windrow task /shared/RUN/tasks/windrow-RUN-s0-0.json --index "$SLURM_ARRAY_TASK_ID" --outcomes /shared/RUN/outcomes

        ==== stage 0 (read): 2 tasks
        #!/bin/bash
        # stage 0 (read): 2 tasks
        #SBATCH --job-name=windrow-RUN-s0-1
        #SBATCH --partition=main
        #SBATCH --time=00:30:00
        #SBATCH --cpus-per-task=1
        #SBATCH --no-requeue
        #SBATCH --open-mode=append
        #SBATCH --array=0-1
        #SBATCH --output=/shared/RUN/logs/windrow-RUN-s0-1-%A_%a.log

        exec windrow task /shared/RUN/tasks/windrow-RUN-s0-1.json --index "$SLURM_ARRAY_TASK_ID" --outcomes /shared/RUN/outcomes

        ==== stage 1 (group): 1 task
        #!/bin/bash
        # stage 1 (group): 1 task
        #SBATCH --job-name=windrow-RUN-s1-2
        #SBATCH --partition=main
        #SBATCH --time=00:30:00
        #SBATCH --cpus-per-task=1
        #SBATCH --no-requeue
        #SBATCH --open-mode=append
        #SBATCH --array=0-0
        #SBATCH --output=/shared/RUN/logs/windrow-RUN-s1-2-%A_%a.log
        #SBATCH --dependency=afterany:<windrow-RUN-s0-0>:<windrow-RUN-s0-1>

        exec windrow task /shared/RUN/tasks/windrow-RUN-s1-2.json --index "$SLURM_ARRAY_TASK_ID" --outcomes /shared/RUN/outcomes
        "##);
    }

    #[test]
    fn pilots_are_one_script() {
        insta::assert_snapshot!(shown(r#"{"pilots": 4}"#, 1000), @r##"
        ==== 4 pilots for 2 stages, 4 tasks
        #!/bin/bash
        # 4 pilots that pull tasks until there are none
        #SBATCH --job-name=windrow-RUN-pilots-0
        #SBATCH --time=01:00:00
        #SBATCH --cpus-per-task=1
        #SBATCH --no-requeue
        #SBATCH --open-mode=append
        #SBATCH --array=0-3
        #SBATCH --output=/shared/RUN/logs/windrow-RUN-pilots-0-%A_%a.log

        exec windrow pilot /shared/RUN --name "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" --idle 60 --seconds 3590
        "##);
    }
}
