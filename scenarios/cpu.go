package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// cpu is too little of it.
var cpu = []scenario.Scenario{cpuQuota()}

func cpuQuota() scenario.Scenario {
	p := fpmWith("computes.php")
	p.CPUs = 1
	return scenario.Scenario{
		ID: "php-cpu-quota",
		Claim: "The host gives PHP less processor time than its pages need: a page that takes a tenth of a second takes several, " +
			"and where nginx does not wait that long the visitor gets 504.",
		Family: "overload", Causes: []string{"C3"},
		Gateway: onNginx("php-impatient.conf"),
		Fault:   "PHP has 1 % of a processor",
		Variants: []scenario.Variant{
			realFPM(p, fault.CPUQuota{Upstream: "app", CPUs: 0.01}),
			waitingFor(lab.RequestAt("app"), fakeFPMDoes(fakeupstream.Silent{At: fakeupstream.AtRequest})),
		},
		Expect:  gatewayTimeout(2*time.Second, readingHeader),
		Confirm: "cat /sys/fs/cgroup/cpu.stat in PHP's container: nr_throttled and throttled_usec grow while a visitor waits.",
		Remedy: "Take a plan with more processor time, or make the pages need less (opcache.enable=1, a page cache); a longer " +
			"fastcgi_read_timeout only lets visitors wait.",
		Source: "https://docs.kernel.org/scheduler/sched-bwc.html",
	}
}
