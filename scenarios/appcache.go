package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// caches are faults of a cache that the application calls, or nginx itself (memcached_pass).
var caches = []scenario.Scenario{
	memcachedDead(), memcachedDeadFallback(), memcachedHangs(), memcachedEmpty(), phpMemcachedDead(), phpMemcachedHangs(), phpRedisDead(), phpRedisHangs(),
}

var (
	memcached = backend.Memcached{Name: "cache", Listen: "10.0.0.6:11211"}
	redis     = backend.Redis{Name: "cache", Listen: "10.0.0.6:6379"}

	stopCache   = fault.Stop{Upstream: "cache"}
	cacheHangs  = fault.Signal{Upstream: "cache", Number: sigstop}
	cacheGoesOn = fault.Signal{Upstream: "cache", Number: sigcont}
)

const (
	memcachedModule = "https://nginx.org/en/docs/http/ngx_http_memcached_module.html"
	phpRedis        = "https://github.com/phpredis/phpredis#connect-open"
)

// onCache is a variant on PHP-FPM whose page uses a cache.
func onCache(cache lab.Upstream, name string, breaks ...fault.Fault) scenario.Variant {
	app := fpmWith(name)
	app.Image = "phpapp"
	return scenario.Variant{Kind: scenario.Real, Upstreams: []lab.Upstream{cache, app.Upstream()}, Inject: breaks}
}

// fakeCache is what plays a cache, in which there is something under every key.
func fakeCache(listen, protocol string) lab.Upstream {
	return lab.Upstream{Name: "cache", Fake: &fakeupstream.Spec{Listen: listen, Protocol: protocol}}
}

var (
	fakeMemcached = fakeCache(memcached.Listen, fakeupstream.Memcached)
	fakeRedis     = fakeCache(redis.Listen, fakeupstream.Redis)
)

// onFakeCache is a variant on a fake memcached that has the page, and a fake PHP-FPM.
func onFakeCache(breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeMemcached, fakeFPM}, Inject: breaks}
}

// callsFake is a variant on PHP-FPM whose page uses a cache that is a fake.
func callsFake(cache lab.Upstream, name string, breaks ...fault.Fault) scenario.Variant {
	v := onCache(cache, name, breaks...)
	v.Kind = scenario.Fake
	return v
}

// cacheBehaves makes the fake memcached behave otherwise.
func cacheBehaves(b fakeupstream.Behaviour) fault.Fault {
	return fault.SetBehaviour{Upstream: "cache", Script: fakeupstream.Always(b)}
}

func memcachedDead() scenario.Scenario {
	onReal, onFake := onCache(memcached.Upstream(), "fills-memcached.php", stopCache), onFakeCache(stopCache)
	return scenario.Scenario{
		ID: "memcached-dead",
		Claim: "memcached, from which nginx takes pages, is not running: nginx answers 502 at once, though the application could make the " +
			"page, for error_page sends it only what is missing (404).",
		Family: "cache", Causes: []string{"F2"}, Gateway: onNginx("memcached.conf"),
		Fault:    "memcached is stopped",
		Variants: []scenario.Variant{onReal, onFake},
		Expect:   refused,
		Confirm:  "The error log's field upstream: begins with memcached://; ss -ltn 'sport = :11211' on its host shows no listener.",
		Remedy:   "systemctl start memcached, and error_page 404 502 504 = @app;, so that the application makes the pages the next time.",
		Source:   memcachedModule + "#memcached_pass",
	}
}

func memcachedDeadFallback() scenario.Scenario {
	gateway := onNginx("memcached.conf")
	gateway.Config = changed("memcached.conf", "error_page 404 =", "error_page 404 502 504 =")
	return scenario.Scenario{
		ID: "memcached-dead-fallback",
		Claim: "memcached, from which nginx takes pages, is not running, and error_page sends nginx to the application for 502 too: the visitor gets his " +
			"200 at once, and each page costs the application the whole work, and the log a line.",
		Family: "cache", Causes: []string{"F2"}, Gateway: gateway,
		Fault:    "memcached is stopped",
		Variants: []scenario.Variant{onCache(memcached.Upstream(), "fills-memcached.php", stopCache), onFakeCache(stopCache)},
		Expect:   scenario.Expectation{Status: 200, Tries: 2, Log: []scenario.LogLine{refusedLine}},
		Confirm:  "The error log's field upstream: begins with memcached://, and the access log has 200 for the same request.",
		Remedy:   "systemctl start memcached. Let somebody watch the lines, as no status tells.",
		Source:   memcachedModule + "#memcached_next_upstream",
	}
}

func memcachedHangs() scenario.Scenario {
	onReal := onCache(memcached.Upstream(), "fills-memcached.php", cacheHangs)
	onReal.WaitFor = []lab.Condition{lab.ConnectionAt("cache")}
	onReal.Remedy = []fault.Fault{fault.Replace{Upstream: memcached.Upstream()}}
	onFake := onFakeCache(cacheBehaves(fakeupstream.Silent{}))
	onFake.WaitFor = []lab.Condition{lab.RequestAt("cache")}
	return scenario.Scenario{
		ID: "memcached-hangs",
		Claim: "memcached, from which nginx takes pages, hangs: nginx waits for memcached_read_timeout, 60 s by default, and answers 504, for each " +
			"page anew.",
		Family: "cache", Causes: []string{"F2", "B2"}, Gateway: onNginx("memcached.conf"),
		Fault:    "memcached stands still",
		Variants: []scenario.Variant{onReal, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm:  "The error log's field upstream: begins with memcached://; echo stats | nc -q 1 10.0.0.6 11211 prints nothing.",
		Remedy: "Restart memcached. A cache that is worth its name answers in milliseconds: memcached_read_timeout 1s; and error_page 404 502 504 = @app; " +
			"make the next such hour a slower one.",
		Source: memcachedModule + "#memcached_read_timeout",
	}
}

func memcachedEmpty() scenario.Scenario {
	alone := fault.Config{Conf: changed("memcached.conf", "            error_page 404 = @app;\n", "")}
	onReal := onCache(memcached.Upstream(), "fills-memcached.php", alone, fault.Replace{Upstream: memcached.Upstream()})
	onFake := onFakeCache(alone, cacheBehaves(fakeupstream.Well{Status: 404}))
	with := []fault.Fault{fault.Config{Conf: text("nginx/memcached.conf")}}
	onReal.Remedy, onFake.Remedy = with, with
	return scenario.Scenario{
		ID: "memcached-empty",
		Claim: "memcached was restarted, which empties it, and nginx has nowhere else to take its pages from: it answers 404 for each of them, " +
			"and logs nothing above the level info.",
		Family: "cache", Causes: []string{"F2"}, Gateway: onNginx("memcached.conf"),
		Fault:    "memcached is restarted, and the location with memcached_pass has no error_page 404",
		Variants: []scenario.Variant{onReal, onFake},
		Expect:   scenario.Expectation{Status: 404, Tries: 1},
		Confirm:  "echo 'stats items' | nc -q 1 10.0.0.6 11211 prints only END; with error_log ... info nginx logs: key was not found by memcached.",
		Remedy:   "error_page 404 = @app; in the location, which lets the application make the page and put it into memcached again.",
		Source:   memcachedModule,
	}
}

func phpMemcachedDead() scenario.Scenario {
	return scenario.Scenario{
		ID: "php-memcached-dead",
		Claim: "memcached is not running, and the script goes without: php-memcached throws nothing, get() gives false as for a key that is not there, " +
			"and the visitor gets his 200 at once. What the cache saved is now paid at each page.",
		Family: "cache", Causes: []string{"F2"}, Gateway: onNginx("php.conf"),
		Fault: "memcached is stopped",
		Variants: []scenario.Variant{
			onCache(memcached.Upstream(), "uses-memcached.php", stopCache), callsFake(fakeMemcached, "uses-memcached.php", stopCache),
		},
		Expect: scenario.Expectation{Status: 200, Tries: 1, Page: "tea costs 3"},
		Confirm: "No log has a line; getResultCode() after get() is 3 (no connection), not 16 (not found). " +
			"ss -ltn 'sport = :11211' on its host shows no listener.",
		Remedy: "systemctl start memcached, and watch how long pages take, as no status tells.",
		Source: "https://www.php.net/manual/en/memcached.get.php",
	}
}

func phpMemcachedHangs() scenario.Scenario {
	onReal := onCache(memcached.Upstream(), "uses-memcached.php", cacheHangs)
	onReal.Remedy = []fault.Fault{cacheGoesOn}
	return scenario.Scenario{
		ID: "php-memcached-hangs",
		Claim: "memcached hangs, and php-memcached waits for its own limit at each call, here a quarter of a second; then the script goes without, and the " +
			"visitor gets his 200, late.",
		Family: "cache", Causes: []string{"F2"}, Gateway: onNginx("php.conf"),
		Fault:    "memcached stands still",
		Variants: []scenario.Variant{onReal, callsFake(fakeMemcached, "uses-memcached.php", cacheBehaves(fakeupstream.Silent{}))},
		// The limit is kept by the machine's own clock, which a busy machine is late by.
		Expect: scenario.Expectation{Status: 200, Tries: 1, Page: "tea costs 3", Until: 30 * time.Second},
		Confirm: "getResultCode() after get() is 31 (time-out); $upstream_response_time in the access log is a multiple of the limit " +
			"more than it was.",
		Remedy: "Restart memcached, and keep Memcached::OPT_POLL_TIMEOUT short (in ms): unset it is 5 s for each call, and a page with a dozen of them " +
			"runs into the gateway's limit.",
		Source: "https://www.php.net/manual/en/memcached.constants.php",
	}
}

func phpRedisDead() scenario.Scenario {
	expect, _ := thrown("RedisException: Connection refused", 4, "Redis->connect")
	bounded := []fault.Fault{fault.Deploy{Path: index, Text: text("php/uses-redis-bounded.php")}}
	onReal, onFake := onCache(redis.Upstream(), "uses-redis.php", stopCache), callsFake(fakeRedis, "uses-redis.php", stopCache)
	onReal.Remedy, onFake.Remedy = bounded, bounded
	return scenario.Scenario{
		ID: "php-redis-dead",
		Claim: "Redis is not running: phpredis throws, nobody catches it, and PHP answers 500, though the page needs no more of it than to be quick. " +
			"With php-memcached it would be 200.",
		Family: "cache", Causes: []string{"F2", "E1"}, Gateway: onNginx("php.conf"),
		Fault:    "Redis is stopped",
		Variants: []scenario.Variant{onReal, onFake},
		Expect:   expect,
		Confirm:  "grep RedisException /var/log/nginx/error.log says Connection refused; redis-cli -h 10.0.0.6 ping says the same.",
		Remedy: "Let the script catch RedisException and go without its cache; systemctl start redis-server, and find out from " +
			"journalctl -u redis-server why it stopped.",
		Source: phpRedis,
	}
}

func phpRedisHangs() scenario.Scenario {
	onReal := onCache(redis.Upstream(), "uses-redis.php", cacheHangs)
	onFake := callsFake(fakeRedis, "uses-redis.php", cacheBehaves(fakeupstream.Silent{}))
	onReal.WaitFor, onFake.WaitFor = []lab.Condition{lab.ConnectionAt("cache")}, []lab.Condition{lab.RequestAt("cache")}
	// The workers that wait for Redis by the old script end with a restart, which deploys it again.
	bounded := []fault.Fault{fault.Start{Upstream: "app"}, fault.Deploy{Path: index, Text: text("php/uses-redis-bounded.php")}}
	onReal.Remedy, onFake.Remedy = bounded, bounded
	return scenario.Scenario{
		ID: "php-redis-hangs",
		Claim: "Redis hangs: phpredis waits as long for it as default_socket_timeout says, which is 60 s as fastcgi_read_timeout is and begins later, so " +
			"that nginx gives up first, with 504.",
		Family: "cache", Causes: []string{"F2", "B2"}, Gateway: onNginx("php.conf"),
		Fault:    "Redis stands still",
		Variants: []scenario.Variant{onReal, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm:  "redis-cli -h 10.0.0.6 ping gets no answer; strace -p PID of a busy worker shows it in poll() on the connection to port 6379.",
		Remedy: "Give connect() a limit for connecting and one for reading, half a second each, and catch RedisException; redis-cli slowlog get names " +
			"commands that held Redis up (KEYS, a large DEL).",
		Source: phpRedis,
	}
}
