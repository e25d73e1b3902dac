# sqlite3 on a database in a file, through mapped pages and a journal of the kind asked for.
journal=$1; : >.sqliterc
sqlite3 test.db <<END
PRAGMA page_size=4096;
PRAGMA mmap_size=268435456;
PRAGMA journal_mode=$journal;
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, town INTEGER, balance REAL);
CREATE TABLE town(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 50) INSERT INTO town SELECT i, 'town'||i FROM n;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000)
  INSERT INTO person SELECT i, printf('%08x', (i * 2654435761) & 0xffffffff), i % 50 + 1, (i * 37 % 1000) / 8.0 FROM n;
COMMIT;
CREATE INDEX by_name ON person(name);
CREATE INDEX by_town ON person(town, balance);
SELECT count(*), sum(balance), min(name), max(name) FROM person;
SELECT t.name, count(*), round(avg(p.balance), 3) FROM person p JOIN town t ON t.id = p.town GROUP BY t.id ORDER BY 2 DESC, 1 LIMIT 5;
BEGIN;
DELETE FROM person WHERE id % 3 = 0;
SELECT count(*) FROM person;
ROLLBACK;
SELECT count(*) FROM person;
SAVEPOINT s; UPDATE person SET balance = balance + 1 WHERE town = 7; ROLLBACK TO s; RELEASE s;
UPDATE person SET name = upper(name) || 'x' WHERE id BETWEEN 100 AND 5000;
DELETE FROM person WHERE id > 15000 AND id % 2 = 0;
INSERT INTO town VALUES(99, 'town7');
PRAGMA integrity_check;
VACUUM;
PRAGMA integrity_check;
PRAGMA page_count;
SELECT count(*), sum(id), total(balance) FROM person INDEXED BY by_town WHERE town > 10;
EXPLAIN QUERY PLAN SELECT * FROM person WHERE name = 'x';
END
echo "status $?"
# Two processes on one database: each adds 40 times within a transaction.
sqlite3 test.db 'CREATE TABLE sums(who TEXT, n INTEGER); CREATE TABLE total(n INTEGER); INSERT INTO total VALUES(0);'
add() {
  i=0
  while [ $i -lt 40 ]; do
    echo "BEGIN IMMEDIATE; UPDATE total SET n = n + 1; INSERT INTO sums VALUES('$1', $i); COMMIT;"
    i=$((i + 1))
  done | sqlite3 -cmd '.timeout 60000' -cmd 'PRAGMA mmap_size=268435456' test.db
}
add one & add two & wait
sqlite3 test.db 'SELECT n FROM total; SELECT who, count(*), sum(n) FROM sums GROUP BY who; PRAGMA integrity_check;'
# One that holds a lock, and one that will not wait.
{ echo 'BEGIN EXCLUSIVE; UPDATE total SET n = 0;'; echo '.shell : >held'; until [ -e over ]; do sleep 0.02; done; echo 'COMMIT;'; } |
  sqlite3 test.db &
until [ -e held ]; do sleep 0.02; done
sqlite3 test.db 'UPDATE total SET n = 1;' 2>&1; echo "status $?"; : >over; wait
sqlite3 test.db "SELECT * FROM person ORDER BY id; SELECT * FROM town ORDER BY id; SELECT * FROM sums ORDER BY who, n;" | sha256sum
sqlite3 test.db 'PRAGMA journal_mode=delete; DROP TABLE person; VACUUM;'
rm -f test.db* .sqliterc held over
