package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/scenarios"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		os.Exit(agentMain())
	}
	t := time.Now()
	lab, err := harness.Start(context.Background(), harness.Options{Say: func(f string, a ...any) { fmt.Fprintf(os.Stderr, f+"\n", a...) }})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	defer lab.Close()
	fmt.Println("lab", time.Since(t))
	for _, s := range scenarios.All() {
		for _, tw := range s.Twins {
			e := harness.Run(context.Background(), lab, s, tw)
			fmt.Println(e.Scenario, e.Twin, e.Verdict, e.Took, e.Differences, e.Error)
			if len(os.Args) > 1 {
				b, _ := json.MarshalIndent(e, "", " ")
				fmt.Println(string(b))
			}
		}
	}
}
