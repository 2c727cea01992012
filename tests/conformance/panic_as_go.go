// Writes panic_as_go.def: programs of calls, defers, panics, recovers and Goexits, and what Go itself does with them. The programs
// are described in panic_as_go.c. Those at the top were chosen, the others are random, always the same.
//
//	go run panic_as_go.go >panic_as_go.def
package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

var chosen = []string{
	"[r][p]x",                // a panic in an exit, recovered in the same frame: the exit goes on
	"([r]([p]x).).",          // ... in an older frame
	"[[r][p]x]p",             // ... and the exit came up in a panic
	"[r][x][r][p].",          // an exit during a panic drops it
	"[p][[r]p][x]p",          // and still the chain names it
	"([p][r]x)[r]",           // recovered, and again
	"[[[r]p]rp]p",            // a panic within a panic within a panic
	"[.[r][p]r][[r]p]p",      // recovered ones leave the older one to be recovered
	"([r][p][r][p][r][p]p).", // each in its turn
	"[(r)[r](r)]p",           // in a call by the deferred call, or deferred by it: nothing
	"[rp][rp][rp]p",          // recovered and anew
	"[([r]p)r]([r]p)p",       // one of the deferred call's own, then the one that runs it
	"[r](([.]([.](p).).).).", // through many frames
	"[[[[.].].].](p)",        // defers of deferred calls, and the end
}

var text string

func skip(at int) int {
	for depth := 1; depth > 0; at++ {
		switch text[at] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		}
	}
	return at - 1
}

func run(at int) {
	for ; at < len(text); at++ {
		switch text[at] {
		case '.':
			fmt.Printf("%d ", at)
		case '(':
			run(at + 1)
			fmt.Printf("%d, ", at)
			at = skip(at + 1)
		case '[':
			defer run(at + 1)
			at = skip(at + 1)
		case 'p':
			panic(fmt.Sprintf("p%d", at))
		case 'r':
			if message := recover(); message == nil {
				fmt.Printf("%d=0 ", at)
			} else {
				fmt.Printf("%d=%v ", at, message)
			}
		case 'x':
			runtime.Goexit()
		default:
			return
		}
	}
}

func random(dice *rand.Rand, depth int, to *strings.Builder) {
	for i := dice.Intn(4); i >= 0 && to.Len() < 40; i-- {
		switch kind := dice.Intn(20); {
		case kind < 4 && depth > 0:
			to.WriteByte('(')
			random(dice, depth-1, to)
			to.WriteByte(')')
		case kind < 12 && depth > 0:
			to.WriteByte('[')
			random(dice, depth-1, to)
			to.WriteByte(']')
		case kind < 15:
			to.WriteByte('r')
		case kind < 16:
			to.WriteByte('.')
		case kind < 17:
			to.WriteByte('x')
			return
		default:
			to.WriteByte('p')
			return
		}
	}
}

// In a process of its own: what it logs, and the panics that end it.
func record(program string) (string, string) {
	var log, end bytes.Buffer
	command := exec.Command("/proc/self/exe", program)
	command.Stdout, command.Stderr = &log, &end
	command.Run()
	panics, _, _ := strings.Cut(end.String(), "\n\ngoroutine")
	return log.String(), panics
}

func main() {
	if len(os.Args) == 2 {
		text = os.Args[1]
		go run(0)
		for runtime.NumGoroutine() > 1 {
			runtime.Gosched()
		}
		return
	}
	fmt.Printf("/* Written by panic_as_go.go with %s: PROGRAM(text, log, panics). */\n", runtime.Version())
	fmt.Println("/* clang-format off */")
	for _, program := range chosen {
		log, panics := record(program)
		fmt.Printf("PROGRAM(%q, %q, %q)\n", program, log, panics)
	}
	dice := rand.New(rand.NewSource(3))
	for going, ending := 150, 50; going+ending > 0; {
		var program strings.Builder
		random(dice, 4, &program)
		if program.Len() < 12 || !strings.ContainsAny(program.String(), "px") {
			continue
		}
		log, panics := record(program.String())
		if panics == "" && going > 0 && log != "" {
			going--
		} else if strings.Count(panics, "\n") > 0 && ending > 0 {
			ending--
		} else {
			continue
		}
		fmt.Printf("PROGRAM(%q, %q, %q)\n", program.String(), log, panics)
	}
	fmt.Println("/* clang-format on */")
}
