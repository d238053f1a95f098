package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// databases are faults of a database that the application calls. The gateway never sees it: it has what the application makes of it.
var databases = []scenario.Scenario{
	databaseDead(), databaseDeadCaught(), databasePassword(), databaseConnections(), databaseReadOnly(), databaseHangs(), databaseLocked(),
	databaseRowLocked(), databaseDiskFull(),
}

// database is MariaDB on a host of its own, with a table for the shop, and a user for its imports.
var database = backend.MariaDB{Name: "database", Listen: "10.0.0.7:3306", SQL: []string{
	"CREATE DATABASE shop",
	"CREATE TABLE shop.goods (name VARCHAR(40) PRIMARY KEY, price INT, seen INT DEFAULT 0)",
	"INSERT INTO shop.goods (name, price) VALUES ('tea', 3)",
	"CREATE USER shop IDENTIFIED BY 'secret'", "GRANT ALL ON shop.* TO shop",
	"CREATE USER import IDENTIFIED BY 'secret'", "GRANT ALL ON shop.* TO import",
}}

const mysqliManual = "https://www.php.net/manual/en/mysqli-driver.report-mode.php"

// onDatabase is a variant on PHP-FPM whose page asks a real MariaDB. A further script is there for what somebody else does meanwhile.
func onDatabase(db backend.MariaDB, name, further string, breaks ...fault.Fault) scenario.Variant {
	app := fpmWith(name).With("pm.max_children = 12")
	app.Image = "phpapp"
	upstreams := []lab.Upstream{db.Upstream()}
	if further != "" {
		app.Scripts = maps.Clone(app.Scripts)
		app.Scripts["/var/www/"+further] = text("php/" + further)
		upstreams = append(upstreams, api)
	}
	return scenario.Variant{Kind: scenario.Real, Upstreams: append(upstreams, app.Upstream()), Inject: breaks}
}

// onFakeDatabase is a variant on PHP-FPM whose page asks a fake of a database.
func onFakeDatabase(name string, breaks ...fault.Fault) scenario.Variant {
	v := onDatabase(database, name, "", breaks...)
	v.Kind = scenario.Fake
	v.Upstreams[0] = lab.Upstream{Name: "database", Fake: &fakeupstream.Spec{Listen: database.Listen, Protocol: fakeupstream.MySQL}}
	return v
}

// databaseSays makes the fake database answer logins or statements with an error: on a connection, the login is the first request.
func databaseSays(code int, message string, before ...fakeupstream.Behaviour) fault.Fault {
	return fault.SetBehaviour{Upstream: "database", Script: fakeupstream.Script{append(before, fakeupstream.MySQLError{Code: code, Message: message})}}
}

// thrown is what follows from what a line of the page throws and nobody catches, and what a fake does in the place of PHP-FPM then.
func thrown(what string, line int, by string) (scenario.Expectation, scenario.Variant) {
	at := fmt.Sprintf("PHP Fatal error:  Uncaught %s in %s:%d", what, index, line)
	return scenario.Expectation{Status: 500, Tries: 1, Log: stderr("PHP message: " + at)}, fakeFPMDoes(phpError(
		fmt.Sprintf("%s\nStack trace:\n#0 %s(%d): %s()\n#1 {main}\n  thrown in %s on line %d", at, index, line, by, index, line)))
}

// sqlError is what mysqli throws.
const sqlError = "mysqli_sql_exception: "

// runs is a page that somebody else has asked for, and that waits for another service for an hour.
func runs(script string, clients int) []fault.Fault {
	return []fault.Fault{
		slowAPI(time.Hour),
		fault.ConcurrentRequests{Clients: clients, Request: lab.Request{Path: "/" + script}, WaitFor: lab.RequestAt("api")},
	}
}

func databaseDead() scenario.Scenario {
	expect, _ := thrown(sqlError+"Connection refused", 3, "mysqli->__construct")
	return scenario.Scenario{
		ID: "database-dead",
		Claim: "The database is not running: mysqli throws, nobody catches it, and PHP answers 500; PHP-FPM itself is well, so that nginx has no " +
			"reason for a 502.",
		Family: "database", Causes: []string{"F1", "E1"}, Gateway: onNginx("php.conf"),
		Fault: "MariaDB is stopped",
		Variants: []scenario.Variant{
			onDatabase(database, "reads-database.php", "", fault.Stop{Upstream: "database"}),
			onFakeDatabase("reads-database.php", fault.Stop{Upstream: "database"}),
		},
		Expect: expect,
		Confirm: "grep mysqli_sql_exception /var/log/nginx/error.log says Connection refused; ss -ltn 'sport = :3306' on the database's host " +
			"shows no listener.",
		Remedy: "systemctl start mariadb, and find out from journalctl -u mariadb why it stopped (a full disk, the OOM killer).",
		Source: mysqliManual,
	}
}

func databaseDeadCaught() scenario.Scenario {
	onFake := fakeFPMDoes(fakeupstream.Well{Status: 503, Headers: []string{"Content-Type: text/plain", "Retry-After: 30"}, Body: "we are back in a minute\n"})
	return scenario.Scenario{
		ID: "database-dead-caught",
		Claim: "The database is not running, and the script catches that and answers 503 with a page of its own, which nginx passes on: " +
			"no log of nginx has a line of it.",
		Family: "database", Causes: []string{"F1", "I2"}, Gateway: onNginx("php.conf"),
		Fault: "MariaDB is stopped",
		Variants: []scenario.Variant{
			onDatabase(database, "reads-database-caught.php", "", fault.Stop{Upstream: "database"}), onFake,
		},
		Expect:  scenario.Expectation{Status: 503, Tries: 1, Page: "we are back in a minute"},
		Confirm: "$upstream_status in the access log is 503: it is the application's own; ss -ltn 'sport = :3306' on the database's host shows no listener.",
		Remedy:  "systemctl start mariadb. Let the script log what it catches (error_log), or the next such hour is found by its visitors.",
		Source:  mysqliManual,
	}
}

func databasePassword() scenario.Scenario {
	// The lab's hosts share a network, where who calls an address comes from it.
	const denied = "Access denied for user 'shop'@'10.0.0.7' (using password: YES)"
	expect, _ := thrown(sqlError+denied, 3, "mysqli->__construct")
	onFake := onFakeDatabase("reads-database.php", databaseSays(1045, denied))
	changes := fault.Command{Upstream: "database", Line: "mariadb --execute=SET/**/PASSWORD/**/FOR/**/shop=PASSWORD('changed')"}
	onFPM := onDatabase(database, "reads-database.php", "", changes)
	onFPM.Remedy = []fault.Fault{fault.Deploy{Path: index, Text: changedIn("php/reads-database.php", "'secret'", "'changed'")}}
	return scenario.Scenario{
		ID:     "database-password",
		Claim:  "The application has a password that the database no longer takes: mysqli throws, and PHP answers 500.",
		Family: "database", Causes: []string{"F1", "E1"}, Gateway: onNginx("php.conf"),
		Fault:    "the password of the user shop is changed in MariaDB, and not in the application",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   expect,
		Confirm: "grep 'Access denied' /var/log/nginx/error.log names the user and the address that he comes from; mariadb -h 10.0.0.7 -u shop -p, run on " +
			"the PHP host, tries the password.",
		Remedy: "Give the application the password that the database takes, and restart what keeps the old one (workers of Python or Node.js; " +
			"PHP reads its script anew).",
		Source: "https://mariadb.com/kb/en/set-password/",
	}
}

func databaseConnections() scenario.Scenario {
	const full = "Too many connections"
	expect, _ := thrown(sqlError+full, 3, "mysqli->__construct")
	onFake := onFakeDatabase("reads-database.php", scripted("database", fakeupstream.MySQLError{At: fakeupstream.AtAccept, Code: 1040, Message: full}))
	onFPM := onDatabase(database.With("--max-connections=10"), "reads-database.php", "report.php", runs("report.php", 10)...)
	onFPM.Remedy = []fault.Fault{fault.Command{Upstream: "database", Line: "mariadb --execute=SET@@GLOBAL.max_connections=20"}}
	return scenario.Scenario{
		ID: "database-connections",
		Claim: "PHP-FPM has more workers than the database takes connections: when as many work, the next page's mysqli throws, and PHP answers 500 " +
			"at once.",
		Family: "database", Causes: []string{"F1", "E1"}, Gateway: onNginx("php.conf"),
		Fault:    "ten long reports hold a connection each, max_connections is 10, and pm.max_children is 12",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   expect,
		Confirm: "On the database's host, as root, who is let in even so: mariadb -e \"SHOW PROCESSLIST\" lists as many as " +
			"mariadb -e \"SELECT @@max_connections\" says, most of them in Sleep.",
		Remedy: "Let max_connections be more than all pools' pm.max_children together: SET GLOBAL max_connections = 20 works at once, the same " +
			"line in the config at the next start. Close the connection in scripts that go on without it.",
		Source: "https://mariadb.com/kb/en/server-system-variables/#max_connections",
	}
}

func databaseReadOnly() scenario.Scenario {
	const refuses = "The MariaDB server is running with the --read-only option so it cannot execute this statement"
	expect, _ := thrown(sqlError+refuses, 4, "mysqli->query")
	onFake := onFakeDatabase("counts-in-database.php", databaseSays(1290, refuses, fakeupstream.Well{}))
	onFPM := onDatabase(database, "counts-in-database.php", "", fault.Command{Upstream: "database", Line: "mariadb --execute=SET@@GLOBAL.read_only=1"})
	onFPM.Remedy = []fault.Fault{fault.Command{Upstream: "database", Line: "mariadb --execute=SET@@GLOBAL.read_only=0"}}
	return scenario.Scenario{
		ID: "database-read-only",
		Claim: "The database takes no writes (a replica, a failover, a maintenance): a page that writes is answered 500, while those that only read " +
			"are well.",
		Family: "database", Causes: []string{"F1", "E1"}, Gateway: onNginx("php.conf"),
		Fault:    "read_only is on in MariaDB, and the page counts its visitors there",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   expect,
		Confirm:  "mariadb -h 10.0.0.7 -e \"SELECT @@read_only\" prints 1; SHOW REPLICA STATUS says whether it is a replica.",
		Remedy:   "SET GLOBAL read_only = 0 on the server that is to take the writes, or let the application write to the one that does.",
		Source:   "https://mariadb.com/kb/en/server-system-variables/#read_only",
	}
}

func databaseDiskFull() scenario.Scenario {
	const full = "The table 'photos' is full"
	expect, _ := thrown(sqlError+full, 4, "mysqli->query")
	onFake := onFakeDatabase("stores-in-database.php", databaseSays(1114, full, fakeupstream.Well{}))
	withPhotos := database
	withPhotos.SQL = append(slices.Clone(database.SQL), "CREATE TABLE shop.photos (photo LONGBLOB)")
	const folder, backup = "/var/lib/mysql", "/var/lib/mysql/backup.tar"
	onFPM := onDatabase(withPhotos, "stores-in-database.php", "",
		// Its disk is so small from its start on.
		fault.Stop{Upstream: "database"}, fault.DiskFull{Upstream: "database", Path: folder, Bytes: 64 << 20}, fault.Start{Upstream: "database"},
		fault.Command{Upstream: "database", Line: "fallocate --length=30M " + backup},
	)
	onFPM.UpstreamLog = "mariadbd: " + full
	onFPM.Remedy = []fault.Fault{fault.Command{Upstream: "database", Line: "rm " + backup}}
	return scenario.Scenario{
		ID: "database-disk-full",
		Claim: "The database's disk is full: InnoDB says that the table is full, though no limit of the table's is reached, mysqli throws, and PHP " +
			"answers 500.",
		Family: "database", Causes: []string{"F1", "E1"}, Gateway: onNginx("php.conf"),
		Fault:    "an old backup fills the disk that MariaDB's tables are on, and the page stores a photo",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   expect,
		Confirm:  "df -h /var/lib/mysql on the database's host: 100% (and df -i, where no inode may be left).",
		Remedy: "Make room on that disk: what is no table of the database's goes (old backups, with care binary logs by PURGE BINARY LOGS). MariaDB needs no " +
			"restart then.",
		Source: "https://mariadb.com/kb/en/innodb-troubleshooting/",
	}
}

func databaseHangs() scenario.Scenario {
	onFPM := onDatabase(database, "reads-database.php", "", fault.Signal{Upstream: "database", Number: sigstop})
	onFPM.WaitFor = []lab.Condition{lab.Opened(index)}
	onFPM.Remedy = []fault.Fault{fault.Signal{Upstream: "database", Number: sigcont}}
	onFake := waitingFor(lab.ConnectionAt("database"), onFakeDatabase("reads-database.php",
		scripted("database", fakeupstream.Silent{At: fakeupstream.AtAccept})))
	return scenario.Scenario{
		ID: "database-hangs",
		Claim: "The database hangs: its kernel still accepts connections, and PHP waits for its first word until nginx gives up after fastcgi_read_timeout, " +
			"60 s by default, with 504.",
		Family: "database", Causes: []string{"F1", "B2"}, Gateway: onNginx("php.conf"),
		Fault:    "MariaDB stands still",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm: "ss -ltn 'sport = :3306' on the database's host: a Recv-Q that is not 0 counts connections that nobody takes. strace -p PID of a busy " +
			"worker on the PHP host shows it in poll().",
		Remedy: "Restart the database, after its stack was kept (gdb -p). By default mysqli reads for a " +
			"day: with mysqlnd.net_read_timeout = 10 in php.ini the script has an error to catch while its visitor still waits.",
		Source: "https://www.php.net/manual/en/mysqlnd.config.php#ini.mysqlnd.net-read-timeout",
	}
}

func databaseLocked() scenario.Scenario {
	onFPM := onDatabase(database, "reads-database.php", "import.php", runs("import.php", 1)...)
	onFPM.WaitFor = []lab.Condition{lab.RequestAt("database")}
	onFPM.Remedy = []fault.Fault{fault.Command{Upstream: "database", Line: "mariadb --execute=KILL/**/USER/**/import"}}
	onFake := waitingFor(lab.RequestAt("database"), onFakeDatabase("reads-database.php", fault.SetBehaviour{
		Upstream: "database", Script: fakeupstream.Script{{fakeupstream.Well{}, fakeupstream.Silent{}}},
	}))
	return scenario.Scenario{
		ID: "database-locked",
		Claim: "Somebody holds a lock on the table that the page reads: the query waits for it, for a day by default (lock_wait_timeout), and nginx " +
			"gives up after fastcgi_read_timeout with 504.",
		Family: "database", Causes: []string{"F1", "B2"}, Gateway: onNginx("php.conf"),
		Fault:    "an import holds LOCK TABLES while it waits for another service",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm: "mariadb -e \"SHOW FULL PROCESSLIST\" shows the page's query in Waiting for table metadata lock, and the one who holds it in Sleep, " +
			"longer there than the others.",
		Remedy: "End who holds the lock (KILL with his id, or KILL USER import), and let the import lock only when it has all that it needs. " +
			"lock_wait_timeout = 5 makes the wait an error soon.",
		Source: "https://mariadb.com/kb/en/server-system-variables/#lock_wait_timeout",
	}
}

func databaseRowLocked() scenario.Scenario {
	const waited = "Lock wait timeout exceeded; try restarting transaction"
	expect, _ := thrown(sqlError+waited, 4, "mysqli->query")
	onFake := onFakeDatabase("counts-in-database.php", databaseSays(1205, waited, fakeupstream.Well{}))
	// InnoDB looks at its limit once a second, by the machine's own clock.
	expect.Until = 30 * time.Second
	onFPM := onDatabase(database.With("--innodb-lock-wait-timeout=1"), "counts-in-database.php", "import-row.php", runs("import-row.php", 1)...)
	onFPM.Remedy = []fault.Fault{fault.Command{Upstream: "database", Line: "mariadb --execute=KILL/**/USER/**/import"}}
	return scenario.Scenario{
		ID: "database-row-locked",
		Claim: "A transaction that does not end holds the row that the page writes: InnoDB gives up after innodb_lock_wait_timeout, mysqli throws, " +
			"and PHP answers 500. That limit is 50 s by default, below the 60 s of fastcgi_read_timeout, so that nginx has no 504 to give.",
		Family: "database", Causes: []string{"F1", "E1"}, Gateway: onNginx("php.conf"),
		Fault:    "an import has changed the row and waits for another service before its COMMIT, and innodb_lock_wait_timeout is 1 s",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   expect,
		Confirm: "mariadb -e \"SELECT * FROM information_schema.innodb_trx\\G\" lists a transaction with trx_started long ago, and its trx_mysql_thread_id; " +
			"another one there is in LOCK WAIT.",
		Remedy: "End who holds the row (KILL with that id, or KILL USER import), and let no transaction wait for another service: fetch first, then " +
			"begin, write and commit.",
		Source: "https://mariadb.com/kb/en/innodb-system-variables/#innodb_lock_wait_timeout",
	}
}
