import asyncio
import gc
import os
import resource
import shutil
import subprocess
import sys
import textwrap
import time

import pytest

from lameduck.ending.requests import ClientKind, Fate
from lameduck.pod.durations import Seconds
from tests.rehearse.traffic.sending import Backends, Run, closed_port, keeps_alive, read_head, reset, serving, until


async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_a_server_that_does_not_answer_does_not_slow_the_arrivals() -> None:
    async def story() -> None:
        async with serving(never_answers) as port:
            run = Run(Backends([port]), "new=1,keepalive=1", rate=100)
            requests = await run.send(for_s=0.5, settle_s=0.1)
        assert 45 <= len(requests) <= 51
        assert {request.fate for request in requests} == {Fate.UNFINISHED}

    asyncio.run(story())


def test_every_arrival_is_accounted_for() -> None:
    async def story() -> None:
        async with serving(keeps_alive) as port:
            run = Run(Backends([port, closed_port()]), "new=1,keepalive=1", strict=True, rate=300)
            requests = await run.send(for_s=0.5)
        pressure = run.traffic.pressure
        assert pressure.sent == len(requests) + sum(number for _, number in pressure.not_counted)
        assert pressure.due == pressure.sent + pressure.not_sent_late + pressure.not_sent_full
        assert {request.fate for request in requests} == {Fate.OK, Fate.REFUSED}
        assert run.traffic.in_flight == 0

    asyncio.run(story())


def test_at_the_bound_of_requests_in_flight_arrivals_are_counted_as_not_sent() -> None:
    async def story() -> None:
        async with serving(never_answers) as port:
            run = Run(Backends([port]), "new=1", rate=200, most_in_flight=10)
            requests = await run.send(for_s=0.3, settle_s=0.1)
        pressure = run.traffic.pressure
        assert len(requests) == 10
        assert pressure.not_sent_full >= 40
        assert not pressure.held
        assert "too many were in flight already" in pressure.sentence()
        assert run.lost == []

    asyncio.run(story())


def test_the_bound_leaves_open_files_to_the_rest_of_the_process() -> None:
    async def story() -> None:
        async with serving(never_answers) as port:
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
            try:
                run = Run(Backends([port]), "new=1", rate=200, pool_size=20)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            requests = await run.send(for_s=0.5, settle_s=0.1)
        assert len(requests) == (300 - 200 - 20) / 2
        assert run.traffic.pressure.not_sent_full >= 30

    asyncio.run(story())


def test_what_was_due_while_we_stood_still_is_not_sent_and_not_lost() -> None:
    async def story() -> None:
        async with serving(keeps_alive) as port:
            run = Run(Backends([port]), "new=1", strict=True, rate=100)
            asyncio.get_running_loop().call_later(0.2, time.sleep, 0.5)
            requests = await run.send(for_s=1.0)
        pressure = run.traffic.pressure
        assert 30 <= pressure.not_sent_late <= 50
        assert pressure.lag_max_s > 0.4
        assert not pressure.held
        assert "This machine did not hold the rate" in pressure.sentence()
        assert run.lost == []
        assert max(request.sent_s - request.due_s for request in requests) <= 0.1

    asyncio.run(story())


def test_a_race_that_we_lost_by_standing_still_is_counted_apart() -> None:
    connections: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read(1)
        reset(writer)

    def stand_still() -> None:
        time.sleep(0.08)

    async def story(stalls: bool) -> tuple[int, int]:
        async with serving(handle) as port:
            run = Run(Backends([port]), "keepalive=1", strict=True, rate=4, pool_size=1, rtt_s=0.02)
            if stalls:
                asyncio.get_running_loop().call_later(0.2, stand_still)  # the second request is due at 0.25
            await run.send(for_s=0.45)
        return len(run.lost), sum(number for _, number in run.traffic.pressure.not_counted)

    assert asyncio.run(story(stalls=False)) == (1, 0)
    assert asyncio.run(story(stalls=True)) == (0, 1)


def test_a_time_out_that_passed_while_we_stood_still_is_none() -> None:
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await asyncio.sleep(0.5)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def story() -> None:
        async with serving(slowly) as port:
            run = Run(Backends([port]), "slow=1", strict=True, rate=1, request_timeout_s=0.8)
            asyncio.get_running_loop().call_later(0.3, time.sleep, 1.0)
            (request,) = await run.send(for_s=0.2)
        assert request.fate is Fate.OK
        assert request.ended_s - request.sent_s > 1.0

    asyncio.run(story())


def test_without_a_port_or_a_file_left_a_request_is_our_own_fault() -> None:
    async def story() -> None:
        async with serving(keeps_alive) as port:
            run = Run(Backends([port]), "new=1,websocket=1", rate=50)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            used = os.open("/dev/null", os.O_RDONLY)
            os.close(used)
            resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
            try:
                requests = await run.send(for_s=0.3)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert requests == []
        ((why, number),) = run.traffic.pressure.not_counted
        assert "no port or file left" in why
        assert number >= 10

    asyncio.run(story())


def test_the_traffic_knows_what_it_has_to_do_with_each_pod() -> None:
    async def stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await reader.read()

    async def story() -> None:
        async with serving(stays) as port:
            run = Run(Backends([port]), "new=1", rate=20)
            sending = asyncio.create_task(run.send(for_s=0.5, settle_s=0.1))
            await until(lambda: run.traffic.activity(f"pod-{port}").last_byte_s is not None)
            activity = run.traffic.activity(f"pod-{port}")
            assert activity.in_flight >= 1
            assert activity.open_connections >= 1
            assert activity.last_connection_s is not None
            assert activity.last_byte_s is not None
            assert activity.last_connection_s <= activity.last_byte_s
            other = run.traffic.activity("another")
            assert (other.in_flight, other.open_connections, other.last_byte_s) == (0, 0, None)
            await sending
        assert run.traffic.activity(f"pod-{port}").open_connections == 0

    asyncio.run(story())


def test_a_cancelled_run_sends_no_more_and_closing_leaves_nothing_open() -> None:
    async def story() -> None:
        async with serving(never_answers) as port:
            run = Run(Backends([port]), "new=1,keepalive=1,websocket=1", rate=200)
            task = asyncio.create_task(run.traffic.run())
            await until(lambda: run.traffic.in_flight >= 20)
            task.cancel()
            await asyncio.wait([task])
            due = run.traffic.pressure.due
            run.traffic.close()
            run.traffic.close()
            assert not run.traffic.distance.wires
            assert {request.fate for request in run.requests} == {Fate.UNFINISHED}
            await asyncio.sleep(0.1)
            assert run.traffic.pressure.due == due
        gc.collect()  # an open socket would warn here, and warnings are errors

    asyncio.run(story())


def test_a_mix_of_all_clients_loses_nothing_of_a_correct_server() -> None:
    async def story() -> None:
        async with serving(keeps_alive) as port:
            run = Run(Backends([port]), "new=5,keepalive=4,slow=1,upload:200ms=1,sse=1", rate=200, rtt_s=0.01)
            requests = await run.send(for_s=2)
        assert run.lost == []
        assert {request.kind for request in requests} == set(ClientKind) - {ClientKind.WEBSOCKET}
        assert len(requests) >= 350

    asyncio.run(story())


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"),
    reason="needs a network namespace: run as root on Linux with util-linux and iproute2",
)
def test_when_an_address_has_no_port_left_the_next_one_is_used() -> None:
    """Ten ports only: without further source addresses the eleventh connection would have none."""
    story = textwrap.dedent(
        """
        import asyncio
        from lameduck.ending.requests import Fate
        from tests.rehearse.traffic.sending import Backends, Run, serving
        from tests.rehearse.traffic.test_traffic import never_answers

        async def main():
            async with serving(never_answers) as port:
                open("/proc/sys/net/ipv4/ip_local_port_range", "w").write("40000 40009")
                run = Run(Backends([port]), "new=1", rate=100)
                requests = await run.send(for_s=0.4, settle_s=0.1)
            assert len(requests) > 30, requests
            assert all(request.connected_s is not None for request in requests), requests
            assert run.traffic.pressure.held, run.traffic.pressure

        asyncio.run(main())
        """
    )
    command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" -c "$1"', sys.executable, story]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_settling_does_not_wait_longer_than_it_may() -> None:
    async def story() -> None:
        async with serving(never_answers) as port:
            run = Run(Backends([port]), "new=1", rate=20)
            asyncio.get_running_loop().call_later(0.1, run.traffic.stop)
            await run.traffic.run()
            begun = time.monotonic()
            await run.traffic.settle(Seconds(0.2))
            assert 0.2 <= time.monotonic() - begun < 5

    asyncio.run(story())
