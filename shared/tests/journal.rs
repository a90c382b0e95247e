//! What a journal refuses, and what it recovers.

use shared::chain::Chain;
use shared::ids::AccountId;
use shared::ledger::journal::export;
use shared::ledger::{
    Damage, Event, JournalError, Ledger, LedgerError, MarketKind, Opened, Settings, Truncated, trades_csv,
};
use shared::money::Usd;
use shared::testing::{self, Dice, Story};
use shared::time::Timestamp;
use shared::token::{Origin, Token, TokenTable};

fn opened() -> Opened {
    Opened {
        account: AccountId::from_bytes([0xab; 16]),
        market: MarketKind::Real,
        name: "First".into(),
        deposit: Usd::whole(1_000),
        settings: Settings::default(),
    }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + secs)
}

/// Ten deposits after the opening, as lines.
fn deposits() -> Vec<String> {
    let (mut ledger, first) = Ledger::open(opened(), at(0)).unwrap();
    let rest = (1..=10).map(|n| ledger.append(Event::Deposited { usd: Usd::whole(n) }, at(n.into())).unwrap());
    std::iter::once(first).chain(rest).map(|entry| entry.line).collect()
}

fn refused(lines: &[String]) -> JournalError {
    Ledger::replay(lines.join("\n") + "\n").unwrap_err()
}

#[test]
fn the_bytes_of_an_entry_and_its_hash_are_fixed() {
    let (mut ledger, first) = Ledger::open(opened(), at(0)).unwrap();
    assert_eq!(
        first.line,
        r#"{"v":1,"seq":1,"at":"2026-09-21T14:13:20.000Z","kind":"opened","body":{"account":"abababababababababababababababab","market":"real","name":"First","deposit":"1000","settings":{"cost_method":"average","tolerance":5000,"failure_rate":20000,"smallest_trade":"0.01","largest_trade":"1000000000","expert":false}},"prev":"0000000000000000000000000000000000000000000000000000000000000000"}"#
    );
    assert_eq!(first.hash, alloy_primitives::keccak256(&first.line));
    // The clock stepped back: the journal's time does not.
    let second = ledger.append(Event::Withdrawn { usd: Usd::whole(1) }, at(-5)).unwrap();
    assert_eq!(second.at, first.at);
    assert_eq!(
        second.line,
        format!(
            r#"{{"v":1,"seq":2,"at":"2026-09-21T14:13:20.000Z","kind":"withdrawn","body":{{"usd":"1"}},"prev":"{}"}}"#,
            alloy_primitives::hex::encode(first.hash)
        )
    );
    assert_eq!(second.paper_block(Chain::Base), Chain::Base.paper_block(first.at));
}

#[test]
fn each_kind_of_damage_is_named_with_its_line() {
    let lines = deposits();
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        let error = refused(&lines);
        (error.line, error.damage)
    };
    let swap = |line: usize, from: &'static str, to: &'static str| {
        move |lines: &mut Vec<String>| {
            assert!(lines[line - 1].contains(from));
            lines[line - 1] = lines[line - 1].replace(from, to);
        }
    };
    assert_eq!(changed(&|lines| lines.clear()), (1, Damage::Empty));
    assert_eq!(changed(&|lines| drop(lines.remove(3))), (4, Damage::Sequence { expected: 4, found: 5 }));
    assert_eq!(changed(&|lines| lines.swap(4, 5)), (5, Damage::Sequence { expected: 5, found: 6 }));
    assert_eq!(changed(&|lines| lines.insert(4, lines[3].clone())), (5, Damage::Sequence { expected: 5, found: 4 }));
    assert_eq!(changed(&|lines| lines.insert(4, String::new())), (5, Damage::Blank));
    assert_eq!(changed(&|lines| drop(lines.remove(0))), (1, Damage::Sequence { expected: 1, found: 2 }));
    assert_eq!(changed(&swap(4, "\"usd\":\"3\"", "\"usd\":\"4\"")), (4, Damage::Changed));
    assert_eq!(changed(&swap(1, "First", "Fir$t")), (1, Damage::Changed));
    assert_eq!(changed(&swap(4, "\"v\":1", "\"v\":2")), (4, Damage::Version(2)));
    assert_eq!(changed(&swap(4, "\"v\":1", "\"v\":2,\"new\":0")), (4, Damage::Version(2)));
    assert_eq!(changed(&swap(4, "deposited", "destroyed")), (4, Damage::Kind("destroyed".into())));
    assert_eq!(changed(&swap(4, "\"v\":1", "\"v\": 1")), (4, Damage::Spelling));
    assert_eq!(changed(&swap(4, "\"3\"", "\"3.0\"")), (4, Damage::Spelling));
    assert_eq!(changed(&swap(4, "}", "}\r")), (4, Damage::Spelling));
    assert_eq!(changed(&swap(4, "14:13:23", "14:13:21")), (4, Damage::Time { previous: at(2), found: at(1) }));
    assert_eq!(
        changed(&swap(4, "deposited\",\"body\":{\"usd\":\"3\"", "withdrawn\",\"body\":{\"usd\":\"3000\"")),
        (4, LedgerError::CashShort { needed: Usd::whole(3000), available: Usd::whole(1003) }.into())
    );
    assert!(matches!(changed(&swap(4, "\"usd\"", "\"eur\"")), (4, Damage::Body(_))));
    assert!(matches!(changed(&swap(4, "\"seq\":4", "\"seq\":4,\"x\":0")), (4, Damage::NotAnEntry(_))));
    assert!(matches!(changed(&swap(4, "{", "[")), (4, Damage::NotAnEntry(_))));
    // `prev` itself, in a line that the next one knows by its right hash.
    let error = changed(&|lines| {
        let end = lines[3].len() - 3;
        let digit = if lines[3].as_bytes()[end] == b'0' { "1" } else { "0" };
        lines[3].replace_range(end..=end, digit);
    });
    assert_eq!(error, (4, Damage::Previous));
    let second_opening = changed(&|lines| {
        let (mut ledger, _) = Ledger::begin(lines[0].as_bytes()).unwrap();
        let forged = ledger.append(Event::Deposited { usd: Usd::whole(1) }, at(1)).unwrap().line;
        let (from, to) = ("\"kind\":\"deposited\",\"body\":{\"usd\":\"1\"}", "\"kind\":\"opened\",\"body\":");
        let body = &lines[0][lines[0].find("{\"account\"").unwrap()..lines[0].find(",\"prev\"").unwrap()];
        lines[1] = forged.replace(from, &format!("{to}{body}"));
    });
    assert_eq!(second_opening, (2, LedgerError::AlreadyOpened.into()));
    let whole = Ledger::replay(lines.join("\n")).unwrap();
    assert_eq!((whole.entries.len(), whole.truncated), (11, None), "a whole last line needs no newline");
}

#[test]
fn a_last_line_that_was_cut_off_is_left_out_and_said_wherever_the_cut_is() {
    let lines = deposits();
    let whole = lines.join("\n");
    let before = lines[..10].join("\n").len() + 1;
    for cut in before + 1..whole.len() {
        let replay = Ledger::replay(&whole[..cut]).unwrap();
        assert_eq!(replay.truncated, Some(Truncated { line: 11, bytes: cut - before }));
        assert_eq!(replay.entries.len(), 10);
        // What was recovered goes on as if the cut line had never been.
        let mut ledger = replay.ledger;
        let again = ledger.append(Event::Deposited { usd: Usd::whole(10) }, at(10)).unwrap();
        assert_eq!(again.line, lines[10]);
    }
    // A cut line that is followed by a newline was not cut by a crash, and a cut first line leaves nothing.
    assert_eq!(Ledger::replay(format!("{}\n", &whole[..before + 9])).unwrap_err().line, 11);
    assert_eq!(Ledger::replay(&whole[..40]).unwrap_err().line, 1);
    // A tampered line further up is found all the same.
    let tampered = whole[..whole.len() - 1].replace("\"usd\":\"8\"", "\"usd\":\"7\"");
    assert_eq!(Ledger::replay(&tampered).unwrap_err(), JournalError { line: 9, damage: Damage::Changed });
    let sealed = export(lines.iter().map(String::as_str), Ledger::replay(&whole).unwrap().ledger.head());
    let cut = &sealed[..sealed.len() - 2];
    let replay = Ledger::replay(cut).unwrap();
    assert_eq!((replay.entries.len(), replay.truncated.map(|cut| cut.line), replay.sealed), (11, Some(12), false));
}

#[test]
fn a_seal_vouches_for_the_last_entry_and_for_the_count() {
    let lines = deposits();
    let head = Ledger::replay(lines.join("\n")).unwrap().ledger.head();
    let export_of = |lines: &[String]| export(lines.iter().map(String::as_str), head);
    assert!(Ledger::replay(export_of(&lines)).unwrap().sealed);
    let error = Ledger::replay(export_of(&lines[..9])).unwrap_err();
    assert_eq!((error.line, error.damage), (10, Damage::SealCount { expected: 11, found: 9 }));
    let tampered = export_of(&lines).replace("\"usd\":\"10\"", "\"usd\":\"11\"");
    assert_eq!(Ledger::replay(tampered).unwrap_err(), JournalError { line: 11, damage: Damage::Changed });
    let broken = export_of(&lines).replace("\"seal\":11", "\"seal\":12");
    assert_eq!(Ledger::replay(broken).unwrap_err(), JournalError { line: 12, damage: Damage::Seal });
    let more = export_of(&lines) + &lines[10] + "\n";
    assert_eq!(Ledger::replay(more).unwrap_err(), JournalError { line: 13, damage: Damage::AfterSeal });
}

#[test]
fn no_byte_of_a_sealed_journal_can_be_changed_unnoticed() {
    let mut tried = 0u32;
    for seed in [3, 10] {
        let journal = testing::journal(seed).unwrap().into_bytes();
        let whole = Ledger::replay(&journal).unwrap();
        let mut dice = Dice::new(seed);
        let mut line = 1;
        for at in 0..journal.len() {
            let mut tampered = journal.clone();
            // Often a digit for another digit: the changes that hurt.
            tampered[at] = match journal[at] {
                digit @ b'0'..=b'9' if !dice.once_in(3) => b'0' + (digit - b'0' + 1 + dice.below(9) as u8) % 10,
                byte => byte ^ (1 + dice.below(255) as u8),
            };
            let newline = journal[at] == b'\n';
            match Ledger::replay(&tampered) {
                Err(error) => {
                    let right = error.line == line || (newline && error.line == line + 1);
                    assert!(right, "seed {seed}, byte {at} of line {line}: {error}");
                }
                // The newline after the seal: the seal is cut off, and every entry is there.
                Ok(replay) => {
                    assert_eq!(at + 1, journal.len(), "seed {seed}, byte {at} of line {line} went unnoticed");
                    assert_eq!(replay.entries, whole.entries);
                    assert!(replay.truncated.is_some() && !replay.sealed);
                }
            }
            line += usize::from(newline);
            tried += 1;
        }
    }
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn a_refused_event_leaves_everything_as_it_was() {
    let (mut ledger, _) = Ledger::open(opened(), at(0)).unwrap();
    let weth = TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").unwrap();
    let odd = Token::user("1:0x00000000000000000000000000000000000000aa".parse().unwrap(), "ODD", 6, None).unwrap();
    ledger.append(Event::TokenAdded(odd.clone()), at(1)).unwrap();
    let before = ledger.clone();
    let settings = Settings { largest_trade: Usd::ZERO, ..Settings::default() };
    for event in [
        Event::Opened(opened()),
        Event::Deposited { usd: Usd::ZERO },
        Event::Deposited { usd: Usd::whole(-1) },
        Event::Deposited { usd: Usd::from_atoms((1 << 96) - 1).unwrap() },
        Event::Withdrawn { usd: Usd::ZERO },
        Event::Withdrawn { usd: Usd::whole(-1) },
        Event::Withdrawn { usd: Usd::whole(1_001) },
        Event::SettingsChanged(settings),
        Event::TokenAdded(odd.clone()),
        Event::TokenAdded(Token { origin: Origin::User, ..weth.clone() }),
        Event::TokenAdded(Token { origin: Origin::Builtin, ..odd.clone() }),
        Event::TokenAdded(Token { pinned: true, ..odd.clone() }),
    ] {
        let mut out = b"kept".to_vec();
        let error = ledger.record(&event, at(2), &mut out).unwrap_err();
        assert!(!error.to_string().is_empty());
        assert_eq!((&ledger, out.as_slice()), (&before, b"kept".as_slice()), "{event:?}");
    }
    for name in ["", "  ", "a\nb", &"x".repeat(65)] {
        let error = Ledger::open(Opened { name: name.into(), ..opened() }, at(0)).unwrap_err();
        assert_eq!(error, LedgerError::Name, "{name}");
    }
    assert!(Ledger::open(Opened { deposit: Usd::whole(-1), ..opened() }, at(0)).is_err());
}

#[test]
fn a_token_that_was_built_in_later_does_not_spoil_an_old_journal() {
    let weth = TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").unwrap();
    let (mut ledger, _) = Ledger::open(opened(), at(0)).unwrap();
    let mut account = ledger.account().clone();
    let added = Event::TokenAdded(Token::user(weth.key, "MINE", 3, None).unwrap());
    assert_eq!(ledger.append(added.clone(), at(1)), Err(LedgerError::TokenKnown(weth.key)));
    account.apply(&added, at(1)).unwrap();
    assert_eq!(account.token(weth.key), Some(weth));
}

#[test]
fn the_csv_of_trades_has_every_trade_and_adds_up_to_the_account() {
    let mut traded = 0;
    for seed in 0..200 {
        let mut story = Story::begin(seed).unwrap();
        while story.step().is_some() {}
        let (account, entries) = (story.ledger().account(), story.entries());
        let csv = trades_csv(account, entries).unwrap();
        let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
        let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|row| row.split(',').collect()).collect();
        let trades: Vec<_> = entries.iter().filter(|entry| entry.trade().is_some()).collect();
        assert_eq!(rows.len(), trades.len());
        let sum =
            |name: &str| -> i128 { rows.iter().map(|row| row[column(name)].parse::<Usd>().unwrap().atoms()).sum() };
        assert_eq!(sum("realised_usd"), account.realised().atoms(), "seed {seed}");
        assert_eq!(sum("gas_usd"), account.totals().gas().unwrap().atoms(), "seed {seed}");
        assert_eq!(sum("cash_change_usd"), account.cash().atoms() - account.net_deposits().atoms(), "seed {seed}");
        for (row, entry) in rows.iter().zip(&trades) {
            assert_eq!(row[column("paper_tx_hash")], entry.hash.to_string());
        }
        traded += rows.len();
    }
    assert!(traded > 500, "{traded}");
}
