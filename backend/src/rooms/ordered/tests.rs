//! A room under a bus that comes and goes, held to what its readers may see.

use serde_json::Value;
use shared::market::draws::Draws;

use super::*;

fn moment() -> Moment {
    fn fresh() -> Arc<str> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static COUNT: AtomicU64 = AtomicU64::new(0);
        format!("own{}", COUNT.fetch_add(1, Ordering::Relaxed)).into()
    }
    Moment { now: Timestamp::from_secs(1), readers: 1, fresh }
}

fn letter(n: u64) -> Letter {
    let data = RawValue::from_string(n.to_string()).unwrap();
    Letter { kind: Kind::TradeUpdate, data, name: None, ts: Timestamp::from_secs(1), ticket: Some(n) }
}

/// A bus as a list, which can be lost.
#[derive(Default)]
struct Paper {
    era: u64,
    eras: u64,
    entries: Vec<Entry>,
    known: BTreeMap<String, Spot>,
}

impl Paper {
    fn begin(&mut self) {
        self.eras += 1;
        self.era = self.eras;
        self.entries.push(Entry { spot: Spot { era: self.era, offset: 0 }, letter: None });
    }

    fn head(&self) -> Spot {
        self.entries.iter().rev().map(|entry| entry.spot).find(|spot| spot.era == self.era).unwrap()
    }

    fn publish(&mut self, letter: &Letter) -> Spot {
        if self.era == 0 {
            self.begin();
        }
        let head = self.head();
        let spot = Spot { offset: head.offset + 1, ..head };
        self.entries.push(Entry { spot, letter: Some(letter.clone()) });
        spot
    }

    fn attach(&mut self, request: &Request) -> (Spot, Vec<Entry>) {
        if self.era == 0 || request.renew {
            self.begin();
        }
        let had = request.had.filter(|had| had.era == self.era).map(|had| had.offset);
        let theirs = self.entries.iter().filter(|entry| entry.spot.era == self.era);
        let entries = theirs.filter(|entry| had.is_none_or(|had| entry.spot.offset > had)).cloned().collect();
        (self.head(), entries)
    }

    /// Started again, without its memory.
    fn restart(&mut self) {
        self.era = 0;
        self.entries.clear();
        self.known.clear();
    }
}

/// A reader inside: what it gets, split where it was told that something may be missing.
#[derive(Default)]
struct Reader {
    seq: u64,
    runs: Vec<Vec<u64>>,
    /// What stood where.
    places: BTreeMap<(String, u64), u64>,
    last: Option<(String, u64)>,
}

impl Reader {
    fn read(&mut self, room: &Room) {
        for told in room.after(self.seq, usize::MAX).unwrap() {
            self.seq = told.seq;
            let frame: Value = serde_json::from_str(&told.frame).unwrap();
            let place = (frame["epoch"].as_str().unwrap().to_owned(), frame["offset"].as_u64().unwrap());
            match told.kind {
                None => {
                    assert_eq!(frame["data"]["recovered"], false);
                    self.runs.push(vec![]);
                }
                Some(_) => {
                    let n = frame["data"].as_u64().unwrap();
                    self.runs.last_mut().unwrap().push(n);
                    assert!(self.places.insert(place.clone(), n).is_none());
                    let before = self.last.take().unwrap_or((place.0.clone(), 0));
                    assert_eq!(before, (place.0.clone(), place.1 - 1), "no gap without a word of it");
                }
            }
            self.last = Some(place);
        }
    }
}

/// A server: its room, a reader in it, and how far it has read the bus.
struct Server {
    room: Ordered,
    reader: Reader,
    is_up: bool,
    cursor: Spot,
    told: Vec<u64>,
}

impl Server {
    fn new(n: usize) -> Server {
        let memory = Memory { messages: usize::MAX, bytes: usize::MAX, millis: u64::MAX };
        let room = Ordered::new("r", &format!("first{n}"), memory);
        let reader = Reader { runs: vec![vec![]], ..Reader::default() };
        Server { room, reader, is_up: false, cursor: Spot { era: 0, offset: 0 }, told: vec![] }
    }

    fn come_up(&mut self, paper: &mut Paper) {
        loop {
            let request = self.room.request();
            let (head, entries) = paper.attach(&request);
            if self.room.attached(&request, head, entries, &moment()).unwrap() {
                (self.is_up, self.cursor) = (true, head);
                return;
            }
        }
    }

    fn go_down(&mut self) {
        self.is_up = false;
        self.room.bus_gone(&moment()).unwrap();
    }

    fn read(&mut self, paper: &Paper, most: usize) {
        let entries: Vec<Entry> =
            paper.entries.iter().filter(|entry| entry.spot > self.cursor).take(most).cloned().collect();
        for entry in entries {
            self.cursor = entry.spot;
            self.room.read(entry, &moment()).unwrap();
        }
    }
}

/// Two servers tell and read while the bus is cut off from one, lost, started again and late, at random. At
/// each, a reader gets what was told there, all of it and once; and between two words that something may be
/// missing, nothing is: what both were told in one epoch is the same, in the same order.
#[test]
fn whatever_the_bus_does_a_reader_gets_what_is_told_here_and_knows_what_it_may_have_missed() {
    for seed in 0..300 {
        let mut draws = Draws::new(seed, *b"the bus!");
        let mut paper = Paper::default();
        let mut servers = [Server::new(0), Server::new(1)];
        // Answers of the bus that have not arrived: whose, and what it said.
        let mut late: Vec<(usize, Spot, Letter)> = vec![];
        let mut count = 0;
        for _ in 0..400 {
            let at = draws.below(2) as usize;
            let server = &mut servers[at];
            match if late.len() == 3 { 7 } else { draws.below(12) } {
                0..=4 => {
                    count += 1;
                    let letter = letter(count);
                    server.told.push(count);
                    if server.is_up && server.room.is_for_bus() {
                        let spot = paper.publish(&letter);
                        match draws.below(4) {
                            0 if late.len() < 3 => late.push((at, spot, letter)),
                            // It has it, and the answer is lost with the connection.
                            1 => {
                                if draws.below(2) == 0 {
                                    server.read(&paper, usize::MAX);
                                }
                                server.go_down();
                                if !server.room.heard.iter().any(|(ticket, _)| *ticket == count) {
                                    server.room.tell_here(letter.message(), &moment()).unwrap();
                                }
                            }
                            _ => server.room.placed(spot, letter, &moment()).unwrap(),
                        }
                    } else {
                        server.room.tell_here(letter.message(), &moment()).unwrap();
                    }
                }
                5 | 6 if server.is_up => server.read(&paper, 1 + draws.below(4) as usize),
                // None is later than a few turns: whoever waits for one gives up when the connection is lost.
                7 if !late.is_empty() => {
                    let (at, spot, letter) = late.remove(draws.below(late.len() as u64) as usize);
                    let Server { room, is_up, .. } = &mut servers[at];
                    room.placed(spot, letter, &moment()).unwrap();
                    if !*is_up {
                        room.bus_gone(&moment()).unwrap();
                    }
                }
                8 if draws.below(4) == 0 => server.go_down(),
                9 if draws.below(8) == 0 => {
                    paper.restart();
                    servers.iter_mut().for_each(Server::go_down);
                }
                10 | 11 if !server.is_up || !server.room.is_on_bus() => server.come_up(&mut paper),
                _ => {}
            }
            for server in &mut servers {
                server.reader.read(server.room.room());
            }
        }
        for (at, spot, letter) in late {
            servers[at].room.placed(spot, letter, &moment()).unwrap();
        }
        for server in &mut servers {
            server.come_up(&mut paper);
            server.read(&paper, usize::MAX);
            server.reader.read(server.room.room());
            let got: Vec<u64> = server.reader.runs.concat();
            for told in &server.told {
                let times = got.iter().filter(|got| *got == told).count();
                assert_eq!(times, 1, "seed {seed}: {told} of {:?}", server.reader.runs);
            }
            let mut once = got.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), got.len(), "seed {seed}: nothing comes twice: {:?}", server.reader.runs);
        }
        // In an epoch of both, what stands at a place is the same.
        let [one, other] = &servers;
        for (place, n) in &one.reader.places {
            assert!(other.reader.places.get(place).is_none_or(|theirs| theirs == n), "seed {seed}: {place:?}");
        }
    }
}

#[test]
fn an_outage_in_which_nothing_is_told_is_no_news() {
    let mut paper = Paper::default();
    let mut servers = [Server::new(0), Server::new(1)];
    servers.iter_mut().for_each(|server| server.come_up(&mut paper));
    servers[0].go_down();
    let spot = paper.publish(&letter(1));
    servers[1].room.placed(spot, letter(1), &moment()).unwrap();
    servers[0].come_up(&mut paper);
    for server in &mut servers {
        server.read(&paper, 9);
        server.reader.read(server.room.room());
        assert_eq!(server.reader.runs, [vec![], vec![1]], "told when it came to the bus, and not again");
    }
}

#[test]
fn what_the_bus_forgot_before_it_was_read_is_said() {
    let mut paper = Paper::default();
    let mut server = Server::new(0);
    server.come_up(&mut paper);
    for n in 1..=5 {
        paper.publish(&letter(n));
    }
    paper.entries.retain(|entry| entry.spot.offset > 3);
    server.read(&paper, 9);
    server.reader.read(server.room.room());
    assert_eq!(server.reader.runs, [vec![], vec![], vec![4, 5]]);
    assert_eq!(server.room.room().last_offset(), 5);
}
