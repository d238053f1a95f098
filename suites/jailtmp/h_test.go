package suites
import ("time"; . "github.com/onsi/ginkgo/v2")
const soon = 20*time.Second
func onThisMachine() { if lab.Engine().IsRemote() { Skip("x") } }
