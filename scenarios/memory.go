package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/scenario"
)

// memory is limits of memory: PHP's own, and the kernel's.
var memory = []scenario.Scenario{memoryLimit(), oomWorker(), oomService()}

func memoryLimit() scenario.Scenario {
	small, roomy := fpm.With("php_admin_value[memory_limit] = 32M"), fpmWith("needs-memory.php").With("php_admin_value[memory_limit] = 64M")
	onFPM := realFPM(small, deploy("needs-memory.php"))
	onFPM.Remedy = []fault.Fault{fault.Replace{Upstream: roomy.Upstream()}}
	const message = "PHP Fatal error:  Allowed memory size of 33554432 bytes exhausted (tried to allocate 41947136 bytes) " +
		"in /var/www/index.php on line 3"
	return scenario.Scenario{
		ID: "php-memory-limit",
		Claim: "PHP ends a script that wants more than memory_limit, and answers 500 itself: the worker lives on, " +
			"and nginx passes the 500 on.",
		Family: "memory", Causes: []string{"C1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script needs 40 MB, and memory_limit is 32M",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(phpError(message))},
		Expect:   scenario.Expectation{Status: 500, Tries: 1, Log: stderr("PHP message: " + message)},
		Confirm:  "grep 'Allowed memory size' /var/log/nginx/error.log names the limit, the file and the line.",
		Remedy: "Set php_admin_value[memory_limit] = 64M in the pool, then systemctl reload php8.2-fpm " +
			"(memory_limit times pm.max_children has to fit into the machine); or make the script need less.",
		Source: "https://www.php.net/manual/en/ini.core.php#ini.memory-limit",
	}
}

// tight is PHP-FPM in a container that has room for its workers, and not for a script that takes all it can.
func tight() scenario.Variant {
	p := fpm
	p.Memory = 96 << 20
	return realFPM(p)
}

func oomWorker() scenario.Scenario {
	onFPM := tight()
	onFPM.Inject = []fault.Fault{deploy("eats-memory.php")}
	onFPM.UpstreamLog = "exited on signal 9 (SIGKILL"
	return scenario.Scenario{
		ID: "php-oom-worker",
		Claim: "The machine or container has no memory left, and the kernel kills the worker with SIGKILL: its connection is reset, " +
			"nginx answers 502, and PHP-FPM starts another worker.",
		Family: "memory", Causes: []string{"C2"},
		Gateway:  onNginx("php.conf"),
		Fault:    "the script takes more memory than the container has, and memory_limit does not stop it",
		Variants: []scenario.Variant{onFPM, fakeFPMDoes(fakeupstream.Reset{})},
		// The kernel first takes back what memory it can, again and again: on a busy disk that has taken 5 s.
		Expect:  scenario.Expectation{Status: 502, Tries: 1, Until: 30 * time.Second, Log: resetLine},
		Confirm: "journalctl -k | grep -i 'killed process' names php-fpm8.2; /var/log/php8.2-fpm.log has exited on signal 9 (SIGKILL).",
		Remedy: "Set memory_limit so that memory_limit times pm.max_children fits into the memory there is: PHP then answers 500 and names " +
			"the line.",
		Source: "https://docs.kernel.org/admin-guide/mm/concepts.html",
	}
}

func oomService() scenario.Scenario {
	onFPM := tight()
	onFPM.Inject = []fault.Fault{
		deploy("eats-memory.php"), fault.OtherRequest{Status: 502}, stop, deploy("well.php"),
	}
	onFPM.Remedy = []fault.Fault{fault.Start{Upstream: "app"}}
	onFake := fakeFPMDoes(fakeupstream.Well{})
	onFake.Inject = []fault.Fault{stop}
	return scenario.Scenario{
		ID: "php-oom-service",
		Claim: "After the kernel has killed one worker for its memory, systemd stops the whole service (OOMPolicy=stop, its default): " +
			"one visitor's 502 is followed by 502, connection refused, for all.",
		Family: "memory", Causes: []string{"C2", "A1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "a visitor's script takes all memory, the kernel kills its worker, and the service is stopped, as systemd does then",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   refused,
		Confirm:  "systemctl show php8.2-fpm -p Result prints Result=oom-kill.",
		Remedy: "systemctl start php8.2-fpm; keep it up with OOMPolicy=continue and Restart=on-failure in a drop-in " +
			"(systemctl edit php8.2-fpm), and bound memory_limit times pm.max_children.",
		Source: "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#OOMPolicy=",
	}
}
