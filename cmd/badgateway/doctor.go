package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/lab"
)

// doctorSchema names the form of what doctor --json prints.
const doctorSchema = "badgateway.doctor/1"

func doctorCommand() *cobra.Command {
	var image string
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Try all that labs take of this machine's container engine, and say what helps where something is missing",
		Long: `Finds the container engine as all commands do, and tries each thing that labs take of it: an image, a container, its rights,
limits on memory, processes and processors, the kernel's features, a clock that can be moved, the jail for an untrusted
config. What is missing stands there with what it costs and what helps.

Exit codes: 0 a lab can be had (something may be missing for some scenarios), 2 bad input, 3 none can be had, 130 interrupted.`,
		Example: `  badgateway doctor
  DOCKER_HOST=ssh://me@build badgateway doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			x := lab.Examine(c.Context(), lab.Options{GatewayImage: image, Logger: loggerTo(newProgress(c.ErrOrStderr(), 0).say)})
			if err := showExamination(c.OutOrStdout(), x, asJSON); err != nil {
				return notWritten{err}
			}
			if !x.Lab {
				return noLab{fmt.Errorf("no lab can be had here; missing: %s", x.Missing())}
			}
			return nil
		},
	}
	c.Flags().StringVar(&image, "gateway-image", "", "try this image's nginx in place of the project's own")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// showExamination prints what was found, a line or a few for each thing.
func showExamination(w io.Writer, x lab.Examination, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(struct {
			Schema string `json:"schema"`
			lab.Examination
		}{doctorSchema, x})
	}
	for _, t := range x.Things {
		word := "ok"
		if !t.OK {
			word = "MISSING"
		}
		if _, err := fmt.Fprintf(w, "%-8s %-28s %s\n", word, t.Name, t.Says); err != nil {
			return err
		}
		for _, line := range []struct{ label, text string }{{"lost", t.Lost}, {"remedy", t.Remedy}} {
			if line.text == "" {
				continue
			}
			if _, err := fmt.Fprintf(w, "%-8s %-28s %s: %s\n", "", "", line.label, line.text); err != nil {
				return err
			}
		}
	}
	return nil
}
