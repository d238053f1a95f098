package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/scenario"
)

// restarts is PHP-FPM restarted or reloaded while it works for a client.
var restarts = []scenario.Scenario{fpmRestart(), fpmReload()}

const scriptTakes = 10 * time.Second

func fpmRestart() scenario.Scenario {
	onFPM := realFPMWithAPI(fpmWith("calls-api.php"), slowAPI(scriptTakes))
	onFPM.InjectInFlight = []fault.Fault{fault.Stop{Upstream: "app", Signal: sigterm}, fault.Start{Upstream: "app"}}
	onFPM.UpstreamLog = "Terminating"
	onFPM.Remedy = []fault.Fault{slowAPI(scriptTakes)}
	onFPM.RemedyTakes = scriptTakes

	return scenario.Scenario{
		ID: "fpm-restart",
		Claim: "A restart of PHP-FPM kills the workers with the requests they have: each of these visitors gets 502, " +
			"though nothing is broken.",
		Family: "service", Causes: []string{"A6"},
		Gateway:  onNginx("php.conf"),
		Fault:    "PHP-FPM is restarted (SIGTERM, as systemctl restart does) while a script runs",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(fakeupstream.Reset{})},
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: resetLine},
		Confirm:  "grep -E 'Terminating|bye-bye' /var/log/php8.2-fpm.log at the second of the 502s.",
		Remedy: "The same request answers 200 when it is asked again. Next time systemctl reload php8.2-fpm, with process_control_timeout set " +
			"(fpm-reload).",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#process-control-timeout",
	}
}

func fpmReload() scenario.Scenario {
	patient := fpmWith("calls-api.php")
	patient.Global = []string{"process_control_timeout = 60s"}

	onFPM := realFPMWithAPI(fpmWith("calls-api.php"), slowAPI(scriptTakes))
	onFPM.InjectInFlight = []fault.Fault{fault.Signal{Upstream: "app", Number: sigusr2}}
	onFPM.UpstreamLog = "Reloading in progress"
	onFPM.Remedy = []fault.Fault{fault.Replace{Upstream: patient.Upstream()}}
	onFPM.RemedyTakes, onFPM.RemedyToleratesFault = scriptTakes, true

	return scenario.Scenario{
		ID: "fpm-reload",
		Claim: "A reload of PHP-FPM waits process_control_timeout for running scripts, and that is 0 by default: " +
			"it kills them like a restart, and their visitors get 502.",
		Family: "service", Causes: []string{"A6"},
		Gateway:  onNginx("php.conf"),
		Fault:    "PHP-FPM is reloaded (SIGUSR2, as systemctl reload does) while a script runs",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(fakeupstream.Reset{})},
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: resetLine},
		Confirm: "grep 'Reloading in progress' /var/log/php8.2-fpm.log at the second of the 502s; php-fpm8.2 -tt 2>&1 | grep " +
			"process_control_timeout shows 0s.",
		Remedy: "Set process_control_timeout = 60s in the section [global] of php-fpm.conf and restart PHP-FPM once: " +
			"from then on a reload lets scripts finish.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#process-control-timeout",
	}
}
