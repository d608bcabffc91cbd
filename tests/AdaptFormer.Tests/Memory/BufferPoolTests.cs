using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Memory;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Memory;

[Collection(ProcessWideState.Name)]
public sealed class BufferPoolTests
{
    private const int Big = 3 << 20, Other = 5 << 20;

    public BufferPoolTests() => ProcessWideState.Settle();

    [Fact]
    public void A_block_is_used_again()
    {
        BufferPool.Trim();
        Take(Big).Dispose();
        long pooled = BufferPool.PooledBytes;
        using (Take(Big)) Assert.Equal(pooled - BufferPool.SizeClass(Big), BufferPool.PooledBytes);
        Assert.Equal(pooled, BufferPool.PooledBytes);
    }

    [Fact]
    public void What_waits_long_goes_back_before_more_is_taken_than_was_ever_in_use()
    {
        BufferPool.Trim();
        (long live, long most) = (BufferPool.LiveBytes, 0);
        for (int step = 0; step < 3; step++)
        {
            // Two phases, each with sizes of its own, never together.
            foreach ((int count, int bytes) in new[] { (50, Big), (30, Other) })
            {
                Tensor[] blocks = [.. Enumerable.Range(0, count).Select(_ => Take(bytes))];
                most = Math.Max(most, BufferPool.LiveBytes);
                Assert.InRange(BufferPool.LiveBytes + BufferPool.PooledBytes, 0, most + (32 * BufferPool.SizeClass(Other)));
                foreach (Tensor block in blocks) block.Dispose();
            }
        }

        Assert.Equal(live, BufferPool.LiveBytes);
    }

    [Fact]
    public void Sizes_that_take_turns_stay()
    {
        BufferPool.Trim();
        Take(Big).Dispose();
        Take(Other).Dispose();
        long pooled = BufferPool.PooledBytes;
        for (int layer = 0; layer < 100; layer++)
        {
            Take(Big).Dispose();
            Take(Other).Dispose();
            Assert.Equal(pooled, BufferPool.PooledBytes);
        }
    }

    [Fact]
    public void Numbers_that_were_packed_do_not_wait_in_the_pool()
    {
        using Parameter first = Parameter.Full(new Shape(64, 192), 1), second = Parameter.Full(new Shape(64, 192), 2);
        long pooled = 0;
        foreach (Parameter weight in (Parameter[])[first, second])
        {
            weight.KeepPackedOnly();
            using (TensorScope scope = new()) Tensor.Zeros(4, 192).Linear(weight);
            Assert.False(weight.IsAlive);
            if (weight == first) pooled = BufferPool.PooledBytes;       // what the product itself needed waits there
        }

        Assert.Equal(pooled, BufferPool.PooledBytes);
    }

    private static Tensor Take(int bytes) => Tensor.Empty(new Shape(bytes / sizeof(float)));
}
