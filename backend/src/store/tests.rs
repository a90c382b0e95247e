use shared::ids::AccountId;
use shared::quote::{Quote, Source};
use shared::wire::accounts::{JournalHead, Lease};

use super::copies::Change;
use super::journal::JournalError;
use super::*;
use crate::accounts::AccountError;
use crate::coingecko::budget::Purpose;
use crate::telemetry::tests::Captured;

/// A folder that goes when the test does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("foolscap-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Scratch(path)
    }

    fn data(&self) -> Data {
        Data::Folder(self.0.clone())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn priced(price: &str, secs: i64) -> Priced {
    let at = Timestamp::from_secs(secs);
    let quote = Quote { price: price.parse().unwrap(), as_of: at, source: Source::Coingecko, upstream_at: Some(at) };
    let (change_24h, volume_24h) = (Some("-1.5".parse().unwrap()), Some("1000000.25".parse().unwrap()));
    Priced { quote, change_24h, volume_24h }
}

async fn close(store: Store) {
    assert!(store.close(Duration::from_secs(10)).await);
}

const LOOKUPS: Limit = Limit::Of(Purpose::Lookups);

#[tokio::test]
async fn what_is_kept_is_there_after_a_restart_to_the_last_digit() {
    let scratch = Scratch::new("restart");
    let store = Store::open(&scratch.data()).await.unwrap();
    let bare = Priced { change_24h: None, volume_24h: None, ..priced("0.000000000000000001", 7) };
    store.keep_prices([("weth".to_owned(), priced("1", 5)), ("dust".to_owned(), bare)]);
    store.keep_prices([("weth".to_owned(), priced("3000.000000000000000001", 6))]);
    store.keep_budget([(Limit::Minute, Timestamp::from_secs(1))]);
    store.keep_budget([(Limit::Minute, Timestamp::from_millis(2_001)), (LOOKUPS, Timestamp::from_secs(3))]);
    close(store).await;

    let store = Store::open(&scratch.data()).await.unwrap();
    let expected = [("dust".to_owned(), bare), ("weth".to_owned(), priced("3000.000000000000000001", 6))];
    assert_eq!(store.prices().await, BTreeMap::from(expected));
    assert_eq!(
        store.budget().await,
        BTreeMap::from([(Limit::Minute, Timestamp::from_millis(2_001)), (LOOKUPS, Timestamp::from_secs(3))])
    );
    close(store).await;
}

#[tokio::test]
async fn a_database_of_the_oldest_version_is_brought_up_to_date_with_what_is_in_it() {
    let scratch = Scratch::new("oldest");
    std::fs::create_dir_all(&scratch.0).unwrap();
    let options = SqliteConnectOptions::new().filename(scratch.0.join(FILE)).create_if_missing(true);
    let oldest = SqlitePool::connect_with(options).await.unwrap();
    migrator().run_to(1, &oldest).await.unwrap();
    sqlx::query(
        "INSERT INTO prices VALUES ('weth', '3000.5', 6000, NULL, NULL, NULL), ('odd', 'much', 6000, NULL, NULL, NULL)",
    )
    .execute(&oldest)
    .await
    .unwrap();
    sqlx::query("INSERT INTO budget VALUES ('lookups', 9000), ('another', 1)").execute(&oldest).await.unwrap();
    oldest.close().await;

    let store = Store::open(&scratch.data()).await.unwrap();
    let prices = store.prices().await;
    assert_eq!(prices.len(), 1, "what cannot be read is not known");
    assert_eq!(prices["weth"].quote.price.to_string(), "3000.5");
    assert_eq!(store.budget().await, BTreeMap::from([(LOOKUPS, Timestamp::from_secs(9))]));
    assert_eq!(store.copies().count().await.unwrap(), (0, 0));
    close(store).await;
}

#[tokio::test]
async fn a_folder_has_one_process_at_a_time_and_whoever_comes_second_is_told_what_to_do() {
    let scratch = Scratch::new("held");
    let first = Store::open(&scratch.data()).await.unwrap();
    let refused = Store::open(&scratch.data()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Held { .. }) && refused.to_string().contains("--data"), "{refused}");
    close(first).await;
    close(Store::open(&scratch.data()).await.unwrap()).await;
}

#[tokio::test]
async fn what_cannot_be_a_store_is_refused_with_a_remedy() {
    let scratch = Scratch::new("refused");
    // A file where the folder should be: nobody may write there, not even root.
    std::fs::create_dir_all(&scratch.0).unwrap();
    let file = scratch.0.join("file");
    std::fs::write(&file, "").unwrap();
    let refused = Store::open(&Data::Folder(file.join("data"))).await.unwrap_err();
    assert!(matches!(refused, StoreError::Folder { .. }) && refused.to_string().contains("`memory`"), "{refused}");

    std::fs::write(scratch.0.join(FILE), vec![b'x'; 8192]).unwrap();
    let refused = Store::open(&scratch.data()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Broken { .. }) && refused.to_string().contains("move it away"), "{refused}");

    std::fs::remove_file(scratch.0.join(FILE)).unwrap();
    let store = Store::open(&scratch.data()).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (999, 'later', '2030-01-01', TRUE, x'00', 0)")
        .execute(&store.pool)
        .await
        .unwrap();
    close(store).await;
    let refused = Store::open(&scratch.data()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
}

#[test]
fn a_disk_that_is_full_is_told_of_once_and_what_waited_is_written_when_there_is_room() {
    let scratch = Scratch::new("full");
    let run = async {
        let store = Store::open(&scratch.data()).await.unwrap();
        let limit = async |pages: u32| {
            let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
            sqlx::query(pragma).execute(&store.pool).await.unwrap();
        };
        // SQLite's own error for a disk without room: no page more than there is.
        limit(1).await;
        for n in 0..3 {
            store.keep_prices((0..300).map(|coin| (format!("coin-{coin}"), priced("1.5", n))));
            store.writer.settled().await;
        }
        assert!(store.prices().await.is_empty());
        limit(1_000_000).await;
        store.keep_budget([(Limit::Minute, Timestamp::from_secs(1))]);
        store.writer.settled().await;
        let kept = store.prices().await;
        assert_eq!((kept.len(), kept["coin-299"]), (300, priced("1.5", 2)));
        close(store).await;
    };
    let lines = Captured::during(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run);
    });
    let said: Vec<_> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(said, ["store_failed", "store_recovered"]);
}

#[tokio::test]
async fn prices_that_are_forgotten_are_gone_and_those_that_come_later_stay() {
    let store = Store::open(&Data::Memory).await.unwrap();
    store.keep_prices([("weth".to_owned(), priced("1", 1))]);
    store.writer.settled().await;
    store.keep_prices([("dai".to_owned(), priced("1", 2))]);
    store.forget_prices();
    store.keep_prices([("aave".to_owned(), priced("1", 3))]);
    store.writer.settled().await;
    assert_eq!(store.prices().await.into_keys().collect::<Vec<_>>(), ["aave"]);
    close(store).await;
}

#[tokio::test]
async fn what_was_looked_up_is_kept_with_its_time_and_what_cannot_be_read_is_not_known() {
    let store = Store::open(&Data::Memory).await.unwrap();
    let at = Timestamp::from_secs(5);
    store.keep_lookup(Lookup::Sigmas, "weth", &Some(34_000_000_u64), at);
    store.keep_lookup(Lookup::Sigmas, "pepe", &None::<u64>, at);
    store.keep_lookup(Lookup::Sigmas, "odd", &"much", at);
    store.keep_lookup(Lookup::Coins, "", &BTreeMap::from([("1:0x", "weth")]), at);
    store.writer.settled().await;
    let sigmas: BTreeMap<String, Kept<Option<u64>>> = store.lookups(Lookup::Sigmas).await.into_iter().collect();
    let kept = |value| Kept { value, as_of: at };
    assert_eq!(sigmas, BTreeMap::from([("pepe".to_owned(), kept(None)), ("weth".to_owned(), kept(Some(34_000_000)))]));
    store.forget_prices();
    store.writer.settled().await;
    assert_eq!(store.lookups::<BTreeMap<String, String>>(Lookup::Coins).await, []);
    assert_eq!(store.lookups::<Option<u64>>(Lookup::Sigmas).await.len(), 2, "no price goes by them");
    close(store).await;
}

#[tokio::test]
async fn coins_without_end_do_not_fill_the_disk() {
    let store = Store::open(&Data::Memory).await.unwrap();
    store.keep_prices((0..2_100).map(|n| (format!("coin-{n}"), priced("1", n))));
    store.writer.settled().await;
    let kept = store.prices().await;
    assert_eq!(kept.len(), 2_000);
    assert!(!kept.contains_key("coin-99") && kept.contains_key("coin-100"));
    close(store).await;
}

#[tokio::test]
async fn a_copy_that_finds_no_room_on_the_disk_is_what_it_was_and_goes_on_when_there_is_room() {
    let scratch = Scratch::new("copy-full");
    let store = Store::open(&scratch.data()).await.unwrap();
    let copies = store.copies();
    let limit = async |pages: u32| {
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        sqlx::query(pragma).execute(&store.durable).await.unwrap();
    };
    let account = AccountId::from_bytes([1; 16]);
    let at = Timestamp::from_secs(1);
    let lease = Lease { device: "desk".into(), name: String::new(), since: at, until: at };
    let head = |seq| JournalHead { seq, hash: format!("{seq:064}") };
    let lines = |count: usize| vec!["x".repeat(500); count];
    let bytes = |lines: &[String]| lines.len() as u64 * 500;
    let (first, more) = (lines(3), lines(1_000));
    let opening =
        Change { account, from: None, cut: None, lines: &first, bytes: bytes(&first), to: &head(3), lease: &lease };
    assert!(copies.change(&opening).await.unwrap());
    assert!(!copies.change(&opening).await.unwrap(), "it is not new any more");
    limit(1).await;
    let next = Change { from: Some(&head(3)), lines: &more, bytes: bytes(&more), to: &head(1_003), ..opening };
    let error = copies.change(&next).await.unwrap_err();
    assert_eq!(AccountError::from(error), AccountError::DiskFull);
    let (copy, kept) = copies.page(account, 0, 10_000).await.unwrap();
    assert_eq!((copy.unwrap().head, kept), (head(3), first.clone()));
    limit(1_000_000).await;
    assert!(copies.change(&next).await.unwrap());
    let (copy, kept) = copies.page(account, 3, 10_000).await.unwrap();
    let copy = copy.unwrap();
    assert_eq!((copy.head, copy.bytes, kept), (head(1_003), 1_003 * 500, more));
    assert_eq!(copies.bytes_after(account, 1_000).await.unwrap(), 1_500);
    close(store).await;
}

#[tokio::test]
async fn whoever_takes_a_lane_over_fences_off_who_had_it_and_a_full_disk_keeps_nothing_in_part() {
    let scratch = Scratch::new("lanes");
    let store = Store::open(&scratch.data()).await.unwrap();
    let journal = store.journal();
    let (chain, sender) = (shared::chain::Chain::Sepolia, alloy_primitives::Address::repeat_byte(7));
    let row = |n: u8, status, body: &str| {
        let id = shared::ids::TransactionId::from_bytes([n; 16]);
        super::journal::Row { id, status, created_at: Timestamp::from_secs(1), body: format!("{body:?}") }
    };
    use shared::transaction::Status::{Preparing, Submitted};
    let (first, _) = journal.take_lane(chain, sender).await.unwrap();
    journal.accept::<String>(&first, &[(row(1, Preparing, "asked"), None)]).await.unwrap();
    journal.write(&first, &[row(1, Submitted, "signed")], 8).await.unwrap();
    let (second, after_ours) = journal.take_lane(chain, sender).await.unwrap();
    assert_eq!(after_ours, 8);
    let stale = journal.write(&first, &[row(1, Submitted, "signed otherwise")], 9).await.unwrap_err();
    assert!(matches!(stale, JournalError::Fenced), "{stale}");
    let stale = journal.accept::<String>(&first, &[(row(2, Preparing, "asked"), None)]).await.unwrap_err();
    assert!(matches!(stale, JournalError::Fenced), "{stale}");
    let stale = journal.keep_breakers::<u8, u8>(&first, &[], &[1]).await.unwrap_err();
    assert!(matches!(stale, JournalError::Fenced), "{stale}");
    assert_eq!(journal.open::<String>(&second).await.unwrap(), ["signed"]);

    let limit = async |pages: u32| {
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        sqlx::query(pragma).execute(&store.durable).await.unwrap();
    };
    limit(1).await;
    let long = "x".repeat(100_000);
    let full = journal.write(&second, &[row(1, Submitted, "known"), row(1, Submitted, &long)], 9).await;
    assert!(matches!(full, Err(JournalError::Database(_))), "{full:?}");
    assert_eq!(journal.open::<String>(&second).await.unwrap(), ["signed"], "all or nothing");
    limit(1_000_000).await;
    journal.write(&second, &[row(1, Submitted, &long)], 9).await.unwrap();
    assert_eq!(journal.open::<String>(&second).await.unwrap(), [long]);
    close(store).await;
}
