package main

import (
	"reflect"
	"time"
)

//go:generate go run ./generate static.go 1024

const selectStride = 7919

// Two ways to select over a number of channels that the source does not know: selects written out by a generator (static.go), as no
// program does by hand, and reflect.Select, as programs do. The names of the values say which.
type selectWay struct {
	name string
	// Receives from one of the channels.
	over func(channels []chan int) func() (chosen, value int, open bool)
}

func overStatic(channels []chan int) func() (int, int, bool) {
	receive := staticSelects[len(channels)]
	check(receive != nil, "select: there is no static select over %d channels", len(channels))
	return func() (int, int, bool) { return receive(channels) }
}

func overReflect(channels []chan int) func() (int, int, bool) {
	cases := make([]reflect.SelectCase, len(channels))
	for i, channel := range channels {
		cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(channel)}
	}
	return func() (int, int, bool) {
		chosen, value, open := reflect.Select(cases)
		return chosen, int(value.Int()), open
	}
}

func openChannels(count, capacity int) []chan int {
	channels := make([]chan int, count)
	for i := range channels {
		channels[i] = make(chan int, capacity)
	}
	return channels
}

func (s *sample) selectReady(way selectWay, count int) {
	channels := openChannels(count, 1)
	receive := way.over(channels)
	each := s.perUnit(1, func(units int) time.Duration {
		turn := 0
		begin := time.Now()
		for i := 0; i < units; i++ {
			channels[turn] <- i
			chosen, value, _ := receive()
			check(chosen == turn && value == i, "select: case %d, value %d, not %d, %d", chosen, value, turn, i)
			turn = (turn + selectStride) % count
		}
		return time.Since(begin)
	})
	s.value(each, "ready_%s_%d_ns", way.name, count)
}

func (s *sample) selectWait(way selectWay, count int) {
	channels := openChannels(count, 0)
	answers, left := make(chan int), make(chan int)
	receive := way.over(channels)
	go func() {
		turn, expected := 0, 0
		for {
			chosen, value, open := receive()
			if !open {
				break
			}
			check(chosen == turn && value == expected, "select: case %d, value %d, not %d, %d", chosen, value, turn, expected)
			turn = (turn + selectStride) % count
			expected++
			answers <- value
		}
		close(left)
	}()
	turn, next := 0, 0
	each := s.perUnit(1, func(units int) time.Duration {
		begin := time.Now()
		for i := 0; i < units; i++ {
			channels[turn] <- next
			answer := <-answers
			check(answer == next, "select: answer %d to %d", answer, next)
			next++
			turn = (turn + selectStride) % count
		}
		return time.Since(begin)
	})
	close(channels[0])
	<-left
	s.value(each, "wait_%s_%d_ns", way.name, count)
}

func selectMany(s *sample) {
	for _, way := range []selectWay{{"static", overStatic}, {"reflect", overReflect}} {
		for count := 1; count <= s.size; count *= 2 {
			s.selectReady(way, count)
			s.selectWait(way, count)
		}
	}
}
