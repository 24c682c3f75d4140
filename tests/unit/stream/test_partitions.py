"""Keys lie where Kafka's own clients would put them."""

from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from stream.partitions import partitions


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 64))
def test_each_key_is_in_the_partition_that_a_client_of_kafka_puts_it_in(keys, count):
    assert partitions(keys, count) == [(murmur2(key) & 0x7FFFFFFF) % count for key in keys]
