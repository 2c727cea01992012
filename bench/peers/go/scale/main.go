// weft-scale-go: the figures of bench/scale in Go: goroutines, Go's channels, sync.WaitGroup.
//
//	weft-scale-go list
//	weft-scale-go FIGURE [--workers N] [--size N] [--loop-ms N] [--seed N]
//
// What a figure measures, from where to where, is what the file of that name in bench/scale says in its first comment; here
// each says only where Go differs. Prints the same JSON; a check that fails ends the process with status 1.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"time"
)

// A sample is what was asked, and what was measured.
type sample struct {
	workers    int
	size       int
	loop       time.Duration
	seed       uint64
	values     map[string]float64
	histograms map[string]map[string]int
}

type figure struct {
	size    int // unless another is asked for
	measure func(s *sample)
}

var figures = map[string]figure{
	"skynet":     {1000000, skynet},
	"noop":       {2000000, noop},
	"parked":     {1000000, parked},
	"parked_64k": {1000000, parked},
	"unstarted":  {1000000, unstarted},
	"flat":       {1000000, flat},
	"select":     {1024, selectMany},
	"popular":    {10000, popular},
	"idle":       {2000, idle},
	"tick":       {1000, tick},
	"wake":       {2000, wake},
	"rows":       {1, rows},
	"fib":        {32, fib},
	"nqueens":    {13, nqueens},
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "weft-scale-go: "+format+"\n", arguments...)
	os.Exit(1)
}

func check(condition bool, format string, arguments ...any) {
	if !condition {
		fail(format, arguments...)
	}
}

func (s *sample) value(value float64, format string, arguments ...any) {
	s.values[fmt.Sprintf(format, arguments...)] = value
}

// durations adds percentiles by nearest rank, and every duration with its count.
func (s *sample) durations(name string, taken []time.Duration) {
	sort.Slice(taken, func(i, j int) bool { return taken[i] < taken[j] })
	quantile := func(part float64) float64 {
		rank := int(part * float64(len(taken)))
		if rank >= len(taken) {
			rank = len(taken) - 1
		}
		return float64(taken[rank].Nanoseconds())
	}
	s.value(quantile(0.5), "%s_p50_ns", name)
	s.value(quantile(0.9), "%s_p90_ns", name)
	s.value(quantile(0.99), "%s_p99_ns", name)
	s.value(quantile(0.999), "%s_p999_ns", name)
	s.value(quantile(1), "%s_max_ns", name)
	s.value(float64(len(taken)), "%s_count", name)
	bins := map[string]int{}
	for _, one := range taken {
		bins[fmt.Sprint(one.Nanoseconds())]++
	}
	s.histograms[name] = bins
}

func median(values []float64) float64 {
	sort.Float64s(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}

// per is the time per unit.
func per(taken time.Duration, units int) float64 {
	return float64(taken.Nanoseconds()) / float64(units)
}

// perUnit is scale_per_unit of bench/scale/tools.c: batches that grow, then the median of five.
func (s *sample) perUnit(grain int, batch func(units int) time.Duration) float64 {
	const batches, growth = 5, 16
	wanted := s.loop / batches
	units := grain
	took := batch(units)
	for took < wanted/2 {
		factor := 1.2 * float64(wanted) / float64(took+1)
		if factor < 2 {
			factor = 2
		} else if factor > growth {
			factor = growth
		}
		units = int(float64(units)*factor) / grain * grain
		took = batch(units)
	}
	units = (int(float64(units)*float64(wanted)/float64(took)) + grain - 1) / grain * grain
	if units < grain {
		units = grain
	}
	each := make([]float64, batches)
	for i := range each {
		each[i] = per(batch(units), units)
	}
	return median(each)
}

func list() {
	names := make([]string, 0, len(figures))
	for name := range figures {
		names = append(names, name)
	}
	sort.Strings(names)
	all := make([]map[string]any, 0, len(names))
	for _, name := range names {
		all = append(all, map[string]any{"name": name, "size": figures[name].size})
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"schema": 1, "go": runtime.Version(), "figures": all})
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: weft-scale-go list\n"+
		"       weft-scale-go FIGURE [--workers N] [--size N] [--loop-ms N] [--seed N]")
	os.Exit(64)
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "list" {
		list()
		return
	}
	if len(os.Args) < 2 {
		usage()
	}
	asked, known := figures[os.Args[1]]
	flags := flag.NewFlagSet(os.Args[1], flag.ContinueOnError)
	workers := flags.Int("workers", 1, "GOMAXPROCS")
	size := flags.Int("size", 0, "the figure's own")
	loop := flags.Int("loop-ms", 50, "how long one timed loop goes on, about")
	seed := flags.Uint64("seed", 1, "of every choice")
	if !known || flags.Parse(os.Args[2:]) != nil || flags.NArg() != 0 || *workers < 1 || *size < 0 || *loop < 1 {
		usage()
	}
	runtime.GOMAXPROCS(*workers)
	debug.SetMaxThreads(10000)
	s := &sample{*workers, *size, time.Duration(*loop) * time.Millisecond, *seed,
		map[string]float64{}, map[string]map[string]int{}}
	if s.size == 0 {
		s.size = asked.size
	}
	asked.measure(s)
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"schema": 1, "figure": os.Args[1], "workers": s.workers, "size": s.size, "seed": s.seed,
		"go": runtime.Version(), "values": s.values, "histograms_ns": s.histograms,
	})
}
