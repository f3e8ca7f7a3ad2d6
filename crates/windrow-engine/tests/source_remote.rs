//! Files behind URLs: a web server, a bucket in memory, and what is said when they are not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod source_session;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use source_session::*;
use windrow_engine::error::Fault;

/// Serves `body` at `/t.csv`, with ranges; everything else is not found.
fn serve(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, body));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, body: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut range = None;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(asked) = line.to_lowercase().strip_prefix("range: bytes=") {
                let (start, end) = asked.trim().split_once('-').unwrap();
                range = Some((
                    start.parse::<usize>().unwrap(),
                    end.parse::<usize>().unwrap().min(body.len() - 1),
                ));
            }
        }
        let (status, part, more) = match range {
            _ if !first.contains(" /t.csv ") => ("404 Not Found", "", String::new()),
            Some((start, end)) => (
                "206 Partial Content",
                &body[start..=end],
                format!("Content-Range: bytes {start}-{end}/{}\r\n", body.len()),
            ),
            None => ("200 OK", body, String::new()),
        };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}\r\n", part.len())
            .unwrap();
        if first.starts_with("GET") {
            stream.write_all(part.as_bytes()).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_server() {
    let server = serve("a,b\n1,x\n2,\"y\nz\"\n");
    let (source, batches) = read(2, "csv", &[format!("{server}/t.csv")], "{}").await.unwrap();
    assert_eq!(schema(&source), "a: Int64, b: Utf8");
    assert_eq!(rows(&batches), ["1|x", "2|y\nz"]);
    let error = read(2, "csv", &[format!("{server}/none.csv")], "{}").await.unwrap_err();
    assert_eq!(
        (error.fault(), error.message()),
        (Fault::Missing, format!("no such file: `{server}/none.csv`").as_str())
    );
    let error = read(2, "csv", &[format!("{server}/*.csv")], "{}").await.unwrap_err();
    assert!(error.message().ends_with("a web server cannot list its files"), "{error}");
}

#[tokio::test]
async fn a_bucket() {
    let bucket = InMemory::new();
    for (key, text) in [
        ("d/b.csv", "v\n2\n"),
        ("d/a.csv", "v\n1\n"),
        ("d/_x.csv", "v\n9\n"),
        ("d/e/c.csv", "v\n3\n"),
    ] {
        bucket.put(&key.into(), text.into()).await.unwrap();
    }
    let context = session(2);
    let bucket: Arc<dyn ObjectStore> = Arc::new(bucket);
    context.register_object_store(&url::Url::parse("s3://bucket").unwrap(), bucket);
    let values = async |path: &str| {
        let source = open(&context, "csv", &[path.to_owned()], "{}").await?;
        Ok::<_, windrow_engine::error::Error>(rows(
            &context.read_table(source.provider).unwrap().collect().await.unwrap(),
        ))
    };
    assert_eq!(values("s3://bucket/d").await.unwrap(), ["1", "2", "3"]);
    assert_eq!(values("s3://bucket/d/*.csv").await.unwrap(), ["9", "1", "2"]);
    assert_eq!(values("s3://bucket/d/b.csv").await.unwrap(), ["2"]);
    let error = values("s3://bucket/d/bb.csv").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no such file: `s3://bucket/d/bb.csv`\nhint: did you mean `s3://bucket/d/b.csv`?"
    );
}

#[tokio::test]
async fn urls_that_cannot_be() {
    let open = async |path: &str| {
        open(&session(1), "csv", &[path.to_owned()], "{}").await.unwrap_err().to_string()
    };
    assert!(
        open("ftp://host/t.csv")
            .await
            .starts_with("`ftp://host/t.csv` has an unknown scheme `ftp://`")
    );
    assert_eq!(open("s3:///t.csv").await, "`s3:///t.csv` names no bucket");
    assert!(open("https://host/t.csv?key=1").await.contains("has a query"));
}
