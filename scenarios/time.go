package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// timeouts are limits of time: the gateway's own, PHP-FPM's and PHP's, and which of them ends first.
var timeouts = []scenario.Scenario{
	fpmTerminateTimeout(), fpmReadTimeout(), fpmMaxExecutionTime(), fpmMaxExecutionTimeWaiting(),
}

func fpmTerminateTimeout() scenario.Scenario {
	limited := fpmWith("calls-api.php").With("request_terminate_timeout = 20s")
	// FPM looks at its limit three times within it, so the kill comes between one limit and one and a third.
	const limit, latest, needed = 20 * time.Second, 80 * time.Second / 3, 30 * time.Second

	onFPM := realFPMWithAPI(limited, slowAPI(needed))
	onFPM.UpstreamLog = "execution timed out"
	onFPM.Remedy = []fault.Fault{fault.Replace{Upstream: limited.With("request_terminate_timeout = 40s").Upstream()}}
	onFPM.RemedyTakes = needed

	onFake := givesUp(fakeFPMDoes(fakeupstream.Delay{For: limit, At: fakeupstream.AtRequest, Then: fakeupstream.Reset{}}), needed)

	return scenario.Scenario{
		ID: "fpm-terminate-timeout",
		Claim: "PHP-FPM kills a worker whose script runs longer than request_terminate_timeout; nginx, which would have waited " +
			"longer, loses the connection and answers 502, not 504.",
		Family: "time", Causes: []string{"B1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "a service that the script calls takes 30 s, and request_terminate_timeout is 20 s",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   scenario.Expectation{Status: 502, Tries: 1, After: limit, Until: latest, Log: resetLine},
		Confirm: "grep 'execution timed out' /var/log/php8.2-fpm.log names the script and the seconds; " +
			"php-fpm8.2 -tt 2>&1 | grep request_terminate_timeout shows the limit.",
		Remedy: "Set request_terminate_timeout = 40s, then systemctl reload php8.2-fpm: more than the script needs, and with a third " +
			"more, by which the kill may be late, still below fastcgi_read_timeout (60s). Or make the script quicker.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#request-terminate-timeout",
	}
}

func fpmReadTimeout() scenario.Scenario {
	const limit, needed = 60 * time.Second, 90 * time.Second
	longerTimeout := []fault.Fault{fpmDirective("php.conf", "fastcgi_read_timeout 120s;")}

	onFPM := realFPMWithAPI(fpmWith("calls-api.php"), slowAPI(needed))
	onFPM.Remedy, onFPM.RemedyTakes = longerTimeout, needed

	onFake := fakeFPMDoes(fakeupstream.Delay{For: needed})
	onFake.WaitFor, onFake.Remedy, onFake.RemedyTakes = []lab.Condition{lab.RequestAt("app")}, longerTimeout, needed

	return scenario.Scenario{
		ID: "fpm-read-timeout",
		Claim: "The script is silent for longer than fastcgi_read_timeout, 60 s by default: nginx gives up and answers 504, " +
			"while PHP goes on working for nobody.",
		Family: "time", Causes: []string{"B2"},
		Gateway:  onNginx("php.conf"),
		Fault:    "a service that the script calls takes 90 s",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   gatewayTimeout(limit, readingHeader),
		Confirm: "nginx -T | grep fastcgi_read_timeout gives the limit (60s when it prints nothing), and $upstream_response_time " +
			"in the access log is that number.",
		Remedy: "Set fastcgi_read_timeout 120s; in the location of this script and systemctl reload nginx; better, let a queue " +
			"do the long work.",
		Source: "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_read_timeout",
	}
}

func fpmMaxExecutionTime() scenario.Scenario {
	limited := fpm.With("php_value[max_execution_time] = 1")
	const message = "PHP Fatal error:  Maximum execution time of 1 second exceeded in /var/www/index.php on line 3"
	return scenario.Scenario{
		ID: "fpm-max-execution-time",
		Claim: "PHP ends a script that has computed for longer than max_execution_time, and answers 500 itself: " +
			"the worker lives on, and nginx passes the 500 on.",
		Family: "time", Causes: []string{"B3"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script computes without end, and max_execution_time is 1 s",
		Variants: []scenario.Variant{realFPM(limited, deploy("busy.php")), fakeFPMDoes(phpError(message))},
		// The limit counts the processor's time, which takes longer where others want the processor too.
		Expect: scenario.Expectation{Status: 500, Tries: 1, Until: 30 * time.Second,
			Log: stderr("PHP message: PHP Fatal error:  Maximum execution time of 1 second exceeded")},
		Confirm: "grep 'Maximum execution time' /var/log/nginx/error.log names the file and line; that line of nginx's log is PHP's own message.",
		Remedy: "Mend the loop at the line that the message names; a script that has to compute that long gets " +
			"set_time_limit(120), or php_value[max_execution_time] = 120 in its pool.",
		Source: "https://www.php.net/manual/en/info.configuration.php#ini.max-execution-time",
	}
}

func fpmMaxExecutionTimeWaiting() scenario.Scenario {
	limited := fpmWith("calls-api.php").With("php_value[max_execution_time] = 30")

	onFPM := realFPMWithAPI(limited, slowAPI(90*time.Second))
	onFPM.Remedy = []fault.Fault{
		fault.Deploy{Path: index, Text: text("php/calls-api-bounded.php")},
	}
	onFake := fakeFPMDoes(fakeupstream.Silent{})
	onFake.WaitFor = []lab.Condition{lab.RequestAt("app")}

	return scenario.Scenario{
		ID: "fpm-max-execution-time-waiting",
		Claim: "max_execution_time counts computing only: a script that waits for a service, a database or sleep() outlives it, " +
			"until nginx gives up after fastcgi_read_timeout with 504.",
		Family: "time", Causes: []string{"B3", "B2"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script waits 90 s for another service, and max_execution_time is 30 s",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm: "strace -f -p PID of the busy worker shows it in poll(), on the connection that it waits for; " +
			"neither log has 'Maximum execution time'.",
		Remedy: "Give each outside call a limit of its own in the script (stream context option timeout, " +
			"CURLOPT_TIMEOUT, default_socket_timeout), and set request_terminate_timeout, which counts waiting too.",
		Source: "https://www.php.net/manual/en/function.set-time-limit.php",
	}
}
