//! The copies of journals, with their branches, leases and links.
//!
//! Unlike the rest of the store this is no cache: what is said to be kept is on the disk before it is said. So it
//! has a connection of its own that waits for the disk (`synchronous = FULL`), and nothing here is left for the
//! writer.

use shared::ids::AccountId;
use shared::time::Timestamp;
use shared::wire::accounts::{Branch, JournalHead, Lease, Link};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

/// Rows that one statement inserts.
const ROWS: usize = 200;

/// The tables of the accounts. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct Copies(pub(super) SqlitePool);

/// How a copy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its end.
    pub head: JournalHead,
    /// Bytes of its lines and of those of its branches.
    pub bytes: u64,
    /// How often its owner chose one branch over another.
    pub choices: u64,
}

/// A fold as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFold {
    /// The number of the last entry in it.
    pub seq: u64,
    /// Sales until then.
    pub sales: u64,
    /// Those of them with a profit.
    pub wins: u64,
    /// The fold: see [`shared::ledger::snapshot`].
    pub body: Vec<u8>,
}

/// What is to become of a copy, all of it or nothing.
#[derive(Debug)]
pub struct Change<'a> {
    /// Whose.
    pub account: AccountId,
    /// Its end before; none for a new one.
    pub from: Option<&'a JournalHead>,
    /// The entry after which its lines make way, and become a branch; when; and how many bytes they are.
    pub cut: Option<(&'a JournalHead, Timestamp, u64)>,
    /// The lines that are added.
    pub lines: &'a [String],
    /// Their bytes.
    pub bytes: u64,
    /// Its end then.
    pub to: &'a JournalHead,
    /// Who holds the lease then.
    pub lease: &'a Lease,
}

/// A branch without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchNote {
    /// Which of the account's it is.
    pub number: u64,
    /// The entry before its first.
    pub after: JournalHead,
    /// Its last entry.
    pub end: JournalHead,
    /// Bytes of its lines.
    pub bytes: u64,
    /// When it was put aside.
    pub kept: Timestamp,
}

impl Copies {
    /// How many copies there are, and their bytes together.
    ///
    /// # Errors
    /// Where the database cannot be read; so with all that follow.
    pub async fn count(&self) -> Result<(u64, u64), sqlx::Error> {
        let (count, bytes): (i64, i64) =
            sqlx::query_as("SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM accounts")
                .fetch_one(&self.0)
                .await?;
        Ok((count.cast_unsigned(), bytes.cast_unsigned()))
    }

    /// How an account's copy stands; none where there is none.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn copy(&self, account: AccountId) -> Result<Option<Copied>, sqlx::Error> {
        copy(&mut *self.0.acquire().await?, account).await
    }

    /// How an account's copy stands, and at most `most` of its lines after `after`: both of one moment.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn page(
        &self,
        account: AccountId,
        after: u64,
        most: usize,
    ) -> Result<(Option<Copied>, Vec<String>), sqlx::Error> {
        let mut moment = self.0.begin().await?;
        let copy = copy(&mut moment, account).await?;
        let lines = lines(&mut moment, account, after, most).await?;
        moment.commit().await?;
        Ok((copy, lines))
    }

    /// At most `most` lines of a copy after `after`, in order.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn lines(&self, account: AccountId, after: u64, most: usize) -> Result<Vec<String>, sqlx::Error> {
        lines(&mut *self.0.acquire().await?, account, after, most).await
    }

    /// Lines of a copy by their numbers, in the order of the journal. What is not there is left out.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn lines_at(&self, account: AccountId, seqs: &[u64]) -> Result<Vec<String>, sqlx::Error> {
        if seqs.is_empty() {
            return Ok(vec![]);
        }
        let mut query = QueryBuilder::<Sqlite>::new("SELECT line FROM journal_lines WHERE account = ");
        query.push_bind(account.to_string()).push(" AND seq IN (");
        let mut listed = query.separated(", ");
        for seq in seqs {
            listed.push_bind(number(*seq));
        }
        query.push(") ORDER BY seq");
        let rows: Vec<(String,)> = query.build_query_as().fetch_all(&self.0).await?;
        Ok(rows.into_iter().map(|(line,)| line).collect())
    }

    /// Bytes of a copy's lines after `after`.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn bytes_after(&self, account: AccountId, after: u64) -> Result<u64, sqlx::Error> {
        let (bytes,): (i64,) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(OCTET_LENGTH(line)), 0) AS BIGINT) FROM journal_lines \
             WHERE account = $1 AND seq > $2",
        )
        .bind(account.to_string())
        .bind(number(after))
        .fetch_one(&self.0)
        .await?;
        Ok(bytes.cast_unsigned())
    }

    /// Changes a copy that still ends where it should, durably. False, and nothing changed, where it does not.
    ///
    /// # Errors
    /// Where it cannot be written; nothing changed then.
    pub async fn change(&self, change: &Change<'_>) -> Result<bool, sqlx::Error> {
        let Change { account, from, cut, lines, bytes, to, lease } = *change;
        let name = account.to_string();
        let mut transaction = self.0.begin().await?;
        // A write comes first: so nobody else can write between what is compared and what is changed.
        let changed = match from {
            None => {
                sqlx::query(
                    "INSERT INTO accounts (account, seq, hash, bytes, choices) VALUES ($1, $2, $3, $4, 0) \
                     ON CONFLICT (account) DO NOTHING",
                )
                .bind(&name)
                .bind(number(to.seq))
                .bind(&to.hash)
                .bind(number(bytes))
                .execute(&mut *transaction)
                .await?
            }
            Some(from) => {
                sqlx::query(
                    "UPDATE accounts SET seq = $2, hash = $3, bytes = bytes + $4, choices = choices + $5 \
                     WHERE account = $1 AND seq = $6 AND hash = $7",
                )
                .bind(&name)
                .bind(number(to.seq))
                .bind(&to.hash)
                .bind(number(bytes))
                .bind(i64::from(cut.is_some()))
                .bind(number(from.seq))
                .bind(&from.hash)
                .execute(&mut *transaction)
                .await?
            }
        };
        if changed.rows_affected() != 1 {
            return Ok(false);
        }
        if let (Some((after, kept, bytes)), Some(from)) = (cut, from) {
            let note = BranchNote { number: 0, after: after.clone(), end: from.clone(), bytes, kept };
            let branch = put_branch(&mut transaction, &name, &note).await?;
            sqlx::query(
                "INSERT INTO branch_lines (account, number, seq, line) \
                 SELECT account, $2, seq, line FROM journal_lines WHERE account = $1 AND seq > $3",
            )
            .bind(&name)
            .bind(branch)
            .bind(number(after.seq))
            .execute(&mut *transaction)
            .await?;
            for table in [
                "DELETE FROM journal_lines WHERE account = $1 AND seq > $2",
                "DELETE FROM folds WHERE account = $1 AND seq > $2",
            ] {
                sqlx::query(table).bind(&name).bind(number(after.seq)).execute(&mut *transaction).await?;
            }
        }
        let first = to.seq + 1 - lines.len() as u64;
        for (piece, seq) in lines.chunks(ROWS).zip((first..).step_by(ROWS)) {
            let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO journal_lines (account, seq, line) ");
            query.push_values(piece.iter().zip(seq..), |mut row, (line, seq)| {
                row.push_bind(name.clone()).push_bind(number(seq)).push_bind(line.clone());
            });
            query.build().execute(&mut *transaction).await?;
        }
        put_lease(&mut transaction, &name, lease).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// What the first lines of a copy come to, as far as it was kept.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn fold(&self, account: AccountId) -> Result<Option<KeptFold>, sqlx::Error> {
        let row: Option<(i64, i64, i64, Vec<u8>)> =
            sqlx::query_as("SELECT seq, sales, wins, body FROM folds WHERE account = $1")
                .bind(account.to_string())
                .fetch_optional(&self.0)
                .await?;
        Ok(row.map(|(seq, sales, wins, body)| KeptFold {
            seq: seq.cast_unsigned(),
            sales: sales.cast_unsigned(),
            wins: wins.cast_unsigned(),
            body,
        }))
    }

    /// Keeps a fold in place of the one before.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn keep_fold(&self, account: AccountId, fold: KeptFold) -> Result<(), sqlx::Error> {
        let KeptFold { seq, sales, wins, body } = fold;
        sqlx::query(
            "INSERT INTO folds (account, seq, sales, wins, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account) \
             DO UPDATE SET seq = excluded.seq, sales = excluded.sales, wins = excluded.wins, body = excluded.body",
        )
        .bind(account.to_string())
        .bind(number(seq))
        .bind(number(sales))
        .bind(number(wins))
        .bind(body)
        .execute(&self.0)
        .await
        .map(drop)
    }

    /// An account's branches without their lines, oldest first.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn branch_notes(&self, account: AccountId) -> Result<Vec<BranchNote>, sqlx::Error> {
        let rows: Vec<(i64, i64, String, i64, String, i64, i64)> = sqlx::query_as(
            "SELECT number, after_seq, after_hash, seq, hash, bytes, kept FROM branches WHERE account = $1 \
             ORDER BY number",
        )
        .bind(account.to_string())
        .fetch_all(&self.0)
        .await?;
        let note = |(number, after_seq, after_hash, seq, hash, bytes, kept): (i64, _, _, _, _, i64, _)| BranchNote {
            number: number.cast_unsigned(),
            after: head(after_seq, after_hash),
            end: head(seq, hash),
            bytes: bytes.cast_unsigned(),
            kept: Timestamp::from_millis(kept),
        };
        Ok(rows.into_iter().map(note).collect())
    }

    /// An account's branches, oldest first.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn branches(&self, account: AccountId) -> Result<Vec<Branch>, sqlx::Error> {
        let mut branches = vec![];
        for note in self.branch_notes(account).await? {
            let rows: Vec<(String,)> =
                sqlx::query_as("SELECT line FROM branch_lines WHERE account = $1 AND number = $2 ORDER BY seq")
                    .bind(account.to_string())
                    .bind(number(note.number))
                    .fetch_all(&self.0)
                    .await?;
            let lines = rows.into_iter().map(|(line,)| line).collect();
            branches.push(Branch { after: note.after, lines, kept: Some(note.kept) });
        }
        Ok(branches)
    }

    /// Keeps lines as a branch, durably: as a new one, or at the end of the one that ends where they begin.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn keep_branch(
        &self,
        account: AccountId,
        onto: Option<u64>,
        note: &BranchNote,
        lines: &[String],
    ) -> Result<(), sqlx::Error> {
        let name = account.to_string();
        let mut transaction = self.0.begin().await?;
        sqlx::query("UPDATE accounts SET bytes = bytes + $2 WHERE account = $1")
            .bind(&name)
            .bind(number(note.bytes))
            .execute(&mut *transaction)
            .await?;
        let branch = match onto {
            Some(onto) => {
                sqlx::query(
                    "UPDATE branches SET seq = $3, hash = $4, bytes = bytes + $5 WHERE account = $1 AND number = $2",
                )
                .bind(&name)
                .bind(number(onto))
                .bind(number(note.end.seq))
                .bind(&note.end.hash)
                .bind(number(note.bytes))
                .execute(&mut *transaction)
                .await?;
                number(onto)
            }
            None => put_branch(&mut transaction, &name, note).await?,
        };
        for (piece, seq) in lines.chunks(ROWS).zip((note.after.seq + 1..).step_by(ROWS)) {
            let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO branch_lines (account, number, seq, line) ");
            query.push_values(piece.iter().zip(seq..), |mut row, (line, seq)| {
                row.push_bind(name.clone()).push_bind(branch).push_bind(number(seq)).push_bind(line.clone());
            });
            query.build().execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Every lease that is kept.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn leases(&self) -> Result<Vec<(AccountId, Lease)>, sqlx::Error> {
        let rows: Vec<(String, String, String, i64, i64)> =
            sqlx::query_as("SELECT account, device, name, since, ends FROM leases").fetch_all(&self.0).await?;
        let lease = |(account, device, name, since, ends): (String, _, _, _, _)| {
            let (since, until) = (Timestamp::from_millis(since), Timestamp::from_millis(ends));
            Some((account.parse().ok()?, Lease { device, name, since, until }))
        };
        Ok(rows.into_iter().filter_map(lease).collect())
    }

    /// Keeps a lease in place of the one before.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn keep_lease(&self, account: AccountId, lease: &Lease) -> Result<(), sqlx::Error> {
        let mut connection = self.0.acquire().await?;
        put_lease(&mut connection, &account.to_string(), lease).await
    }

    /// Removes an account's lease.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn forget_lease(&self, account: AccountId) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM leases WHERE account = $1").bind(account.to_string()).execute(&self.0).await.map(drop)
    }

    /// Removes the leases that ended before `now`.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn forget_leases_before(&self, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM leases WHERE ends <= $1").bind(now.millis()).execute(&self.0).await.map(drop)
    }

    /// Every link, oldest first.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn links(&self) -> Result<Vec<(AccountId, Link)>, sqlx::Error> {
        let rows: Vec<(String, String, String, i64, Option<i64>)> =
            sqlx::query_as("SELECT account, token_hash, name, since, expires FROM links ORDER BY since, token_hash")
                .fetch_all(&self.0)
                .await?;
        let link = |(account, token_hash, name, since, expires): (String, _, _, _, Option<_>)| {
            let (since, expires) = (Timestamp::from_millis(since), expires.map(Timestamp::from_millis));
            Some((account.parse().ok()?, Link { token_hash, name, since, expires }))
        };
        Ok(rows.into_iter().filter_map(link).collect())
    }

    /// Keeps a link, durably.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn keep_link(&self, account: AccountId, link: &Link) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO links (account, token_hash, name, since, expires) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (account, token_hash) DO UPDATE SET name = excluded.name, expires = excluded.expires",
        )
        .bind(account.to_string())
        .bind(&link.token_hash)
        .bind(&link.name)
        .bind(link.since.millis())
        .bind(link.expires.map(Timestamp::millis))
        .execute(&self.0)
        .await
        .map(drop)
    }

    /// Removes a link, durably.
    ///
    /// # Errors
    /// See [`Copies::count`].
    pub async fn forget_link(&self, account: AccountId, token_hash: &str) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM links WHERE account = $1 AND token_hash = $2")
            .bind(account.to_string())
            .bind(token_hash)
            .execute(&self.0)
            .await
            .map(drop)
    }
}

async fn copy(connection: &mut SqliteConnection, account: AccountId) -> Result<Option<Copied>, sqlx::Error> {
    let row: Option<(i64, String, i64, i64)> =
        sqlx::query_as("SELECT seq, hash, bytes, choices FROM accounts WHERE account = $1")
            .bind(account.to_string())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(seq, hash, bytes, choices)| Copied {
        head: head(seq, hash),
        bytes: bytes.cast_unsigned(),
        choices: choices.cast_unsigned(),
    }))
}

async fn lines(
    connection: &mut SqliteConnection,
    account: AccountId,
    after: u64,
    most: usize,
) -> Result<Vec<String>, sqlx::Error> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT line FROM journal_lines WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3")
            .bind(account.to_string())
            .bind(number(after))
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(line,)| line).collect())
}

/// Adds a branch under the next number, which it returns.
async fn put_branch(connection: &mut SqliteConnection, account: &str, note: &BranchNote) -> Result<i64, sqlx::Error> {
    let (branch,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(number), 0) + 1 FROM branches WHERE account = $1")
        .bind(account)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO branches (account, number, after_seq, after_hash, seq, hash, bytes, kept) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(account)
    .bind(branch)
    .bind(number(note.after.seq))
    .bind(&note.after.hash)
    .bind(number(note.end.seq))
    .bind(&note.end.hash)
    .bind(number(note.bytes))
    .bind(note.kept.millis())
    .execute(&mut *connection)
    .await?;
    Ok(branch)
}

async fn put_lease(connection: &mut SqliteConnection, account: &str, lease: &Lease) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO leases (account, device, name, since, ends) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account) \
         DO UPDATE SET device = excluded.device, name = excluded.name, since = excluded.since, ends = excluded.ends",
    )
    .bind(account)
    .bind(&lease.device)
    .bind(&lease.name)
    .bind(lease.since.millis())
    .bind(lease.until.millis())
    .execute(connection)
    .await
    .map(drop)
}

fn head(seq: i64, hash: String) -> JournalHead {
    JournalHead { seq: seq.cast_unsigned(), hash }
}

/// Journals have far fewer entries than this could not hold.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
