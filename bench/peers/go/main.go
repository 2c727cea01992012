// The same shapes as bench/workload in Go, for a comparison in one sitting: goroutines and Go's channels.
//
//	weft-peer SHAPE[/PARAMETER:N]/workers:N --min-time-ms N
//
// SHAPE is that of weft-bench: spawn_chain, spawn_flat, ping_pong, spsc (cap), mpmc (cap), select (n). What is timed and
// what is checked is what the workload of that name says in its first comment. Prints google-benchmark's JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A shape does n operations and returns the time they took.
type shape struct {
	param string
	run   func(n, param, workers int) time.Duration
}

var shapes = map[string]shape{
	"spawn_chain": {"", spawnChain},
	"spawn_flat":  {"", spawnFlat},
	"ping_pong":   {"", pingPong},
	"spsc":        {"cap", spsc},
	"mpmc":        {"cap", mpmc},
	"select":      {"n", selectN},
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "weft-peer: "+format+"\n", arguments...)
	os.Exit(1)
}

// start lets `parties` goroutines begin together and returns the time until the last one has ended.
func start(parties ...func()) time.Duration {
	var here, left sync.WaitGroup
	here.Add(len(parties))
	left.Add(len(parties))
	line := make(chan struct{})
	for _, party := range parties {
		party := party
		go func() {
			here.Done()
			<-line
			party()
			left.Done()
		}()
	}
	here.Wait()
	begin := time.Now()
	close(line)
	left.Wait()
	return time.Since(begin)
}

var chain struct {
	expected, ran, wrong int
	done                 chan struct{}
}

func link(number int) {
	if number != chain.expected {
		chain.wrong++
	}
	chain.expected = number - 1
	chain.ran++
	if number == 1 {
		close(chain.done)
		return
	}
	go link(number - 1)
}

func spawnChain(n, _, _ int) time.Duration {
	chain.expected, chain.ran, chain.done = n, 0, make(chan struct{})
	begin := time.Now()
	go link(n)
	<-chain.done
	elapsed := time.Since(begin)
	if chain.wrong != 0 || chain.ran != n {
		fail("spawn_chain: %d of %d tasks ran, %d out of turn", chain.ran, n, chain.wrong)
	}
	return elapsed
}

const wave = 1000

func spawnFlat(n, _, _ int) time.Duration {
	var left sync.WaitGroup
	var ran [wave]int
	waves := (n + wave - 1) / wave
	begin := time.Now()
	for w := 0; w < waves; w++ {
		left.Add(wave)
		for i := 0; i < wave; i++ {
			slot := &ran[i]
			go func() {
				*slot++
				left.Done()
			}()
		}
		left.Wait()
	}
	elapsed := time.Since(begin)
	for i := range ran {
		if ran[i] != waves {
			fail("spawn_flat: task %d ran %d times in %d waves", i, ran[i], waves)
		}
	}
	return elapsed * time.Duration(n) / time.Duration(waves*wave)
}

func pingPong(n, _, _ int) time.Duration {
	there, back := make(chan uint64), make(chan uint64)
	var wrong [2]int
	elapsed := start(func() {
		for i := uint64(0); i < uint64(n); i++ {
			value := <-there
			if value != i {
				wrong[1]++
			}
			back <- ^value
		}
	}, func() {
		for i := uint64(0); i < uint64(n); i++ {
			there <- i
			if <-back != ^i {
				wrong[0]++
			}
		}
	})
	if wrong[0]+wrong[1] != 0 {
		fail("ping_pong: %d messages were wrong", wrong[0]+wrong[1])
	}
	return elapsed
}

func spsc(n, capacity, _ int) time.Duration {
	channel := make(chan uint64, capacity)
	var differs uint64
	elapsed := start(func() {
		var local uint64
		for i := uint64(0); i < uint64(n); i++ {
			local |= <-channel ^ i
		}
		differs = local
	}, func() {
		for i := uint64(0); i < uint64(n); i++ {
			channel <- i
		}
	})
	if differs != 0 || len(channel) != 0 {
		fail("spsc: messages were lost, repeated or out of order")
	}
	return elapsed
}

const farewell = ^uint64(0)

func mpmc(n, capacity, workers int) time.Duration {
	sides := workers
	if sides < 2 {
		sides = 2
	}
	claim := n / (16 * sides)
	if claim < 1 {
		claim = 1
	} else if claim > 1000 {
		claim = 1000
	}
	channel := make(chan uint64, capacity)
	var claimed int64
	sent, received := make([]uint64, sides), make([]uint64, sides)
	sum, wrong := make([]uint64, 2*sides), make([]int, sides)
	var parties []func()
	for side := 0; side < sides; side++ {
		side := side
		parties = append(parties, func() {
			next := make([]uint64, sides)
			var count, total uint64
			for {
				value := <-channel
				producer := value >> 48
				if producer >= uint64(sides) {
					break
				}
				sequence := value & (1<<48 - 1)
				if sequence < next[producer] {
					wrong[side]++
				}
				next[producer] = sequence + 1
				total += sequence
				count++
			}
			received[side], sum[sides+side] = count, total
		}, func() {
			var sequence, total uint64
			for {
				first := atomic.AddInt64(&claimed, int64(claim)) - int64(claim)
				if first >= int64(n) {
					break
				}
				count := claim
				if n-int(first) < claim {
					count = n - int(first)
				}
				for i := 0; i < count; i++ {
					channel <- uint64(side)<<48 | sequence
					total += sequence
					sequence++
				}
			}
			channel <- farewell
			sent[side], sum[side] = sequence, total
		})
	}
	elapsed := start(parties...)
	var all, difference uint64
	for side := 0; side < sides; side++ {
		all += received[side]
		difference += sum[side] - sum[sides+side]
		if wrong[side] != 0 {
			fail("mpmc: %d messages out of order", wrong[side])
		}
	}
	if all != uint64(n) || difference != 0 {
		fail("mpmc: %d of %d messages arrived", all, n)
	}
	return elapsed
}

func sendRoundRobin(channels []chan uint64, n int) {
	turn := 0
	for i := uint64(0); i < uint64(n); i++ {
		channels[turn] <- i
		turn++
		if turn == len(channels) {
			turn = 0
		}
	}
}

// A select statement has a fixed number of cases: written out for 1, 2 and 8, by reflection for others (much slower, as
// any Go program would be).
func receiveAny(channels []chan uint64, cases []reflect.SelectCase) (int, uint64) {
	c := channels
	switch len(channels) {
	case 1:
		select {
		case value := <-c[0]:
			return 0, value
		}
	case 2:
		select {
		case value := <-c[0]:
			return 0, value
		case value := <-c[1]:
			return 1, value
		}
	case 8:
		select {
		case value := <-c[0]:
			return 0, value
		case value := <-c[1]:
			return 1, value
		case value := <-c[2]:
			return 2, value
		case value := <-c[3]:
			return 3, value
		case value := <-c[4]:
			return 4, value
		case value := <-c[5]:
			return 5, value
		case value := <-c[6]:
			return 6, value
		case value := <-c[7]:
			return 7, value
		}
	}
	chosen, value, _ := reflect.Select(cases)
	return chosen, value.Uint()
}

func selectN(n, count, _ int) time.Duration {
	channels := make([]chan uint64, count)
	cases := make([]reflect.SelectCase, count)
	next := make([]uint64, count)
	for i := range channels {
		channels[i] = make(chan uint64, 1)
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(channels[i])}
		next[i] = uint64(i)
	}
	wrong := 0
	elapsed := start(func() {
		for i := 0; i < n; i++ {
			chosen, value := receiveAny(channels, cases)
			if value != next[chosen] {
				wrong++
			}
			next[chosen] += uint64(count)
		}
	}, func() { sendRoundRobin(channels, n) })
	if wrong != 0 {
		fail("select: %d messages were lost, repeated or out of order", wrong)
	}
	return elapsed
}

// measure calibrates as bench/harness.c does: batches that grow until one takes a quarter of the time, then one of the
// whole time.
func measure(run func(n int) time.Duration, minimum time.Duration) (int, time.Duration) {
	n := 1000
	run(n)
	for {
		elapsed := run(n)
		if elapsed >= minimum/4 {
			n = int(float64(n) * float64(minimum) / float64(elapsed))
			break
		}
		factor := 1.2 * float64(minimum/4) / float64(elapsed+1)
		if factor < 2 {
			factor = 2
		} else if factor > 16 {
			factor = 16
		}
		n = int(float64(n) * factor)
	}
	if n < 1 {
		n = 1
	}
	return n, run(n)
}

type entry struct {
	Name       string  `json:"name"`
	RunName    string  `json:"run_name"`
	RunType    string  `json:"run_type"`
	Iterations int     `json:"iterations"`
	RealTime   float64 `json:"real_time"`
	CPUTime    float64 `json:"cpu_time"`
	TimeUnit   string  `json:"time_unit"`
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 0 {
		fail("'%s' is not a number", text)
	}
	return value
}

func main() {
	if len(os.Args) != 4 || os.Args[2] != "--min-time-ms" {
		fmt.Fprintln(os.Stderr, "usage: weft-peer SHAPE[/PARAMETER:N]/workers:N --min-time-ms N")
		os.Exit(64)
	}
	fields := strings.Split(os.Args[1], "/")
	asked, known := shapes[fields[0]]
	values := map[string]int{"workers": 1}
	for _, field := range fields[1:] {
		key, value, found := strings.Cut(field, ":")
		known = known && found && (key == asked.param || key == "workers")
		values[key] = number(value)
	}
	if !known {
		fail("unknown shape '%s'", os.Args[1])
	}
	runtime.GOMAXPROCS(values["workers"])
	minimum := time.Duration(number(os.Args[3])) * time.Millisecond
	n, elapsed := measure(func(n int) time.Duration {
		return asked.run(n, values[asked.param], values["workers"])
	}, minimum)
	perUnit := float64(elapsed.Nanoseconds()) / float64(n)
	name := strings.Replace(os.Args[1], "/", "/peer:go/", 1) + "/real_time"
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"context":    map[string]any{"go": runtime.Version(), "caches": []int{}},
		"benchmarks": []entry{{name, name, "iteration", n, perUnit, perUnit, "ns"}},
	})
}
