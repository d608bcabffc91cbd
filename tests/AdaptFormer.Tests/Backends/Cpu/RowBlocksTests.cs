using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Backends.Cpu;

[Collection(ProcessWideState.Name)]
public sealed class RowBlocksTests
{
    [Fact]
    public void Blocks_follow_one_another_cover_all_rows_and_none_is_a_row_alone()
    {
        for (long rows = 0; rows < 3_000; rows++)
        {
            foreach (RowBlocks blocks in (RowBlocks[])[new(rows), RowBlocks.OfPart(rows, rows), RowBlocks.OfPart(rows, 3 * rows), RowBlocks.OfPart(rows, 27 * rows), RowBlocks.OfWeightGradient(rows)])
            {
                long next = 0;
                for (int i = 0; i < blocks.Count; i++)
                {
                    (long start, int size) = blocks[i];
                    Assert.Equal(next, start);
                    Assert.True(size >= 8 || blocks.Count == 1, $"{rows} rows: block {i} of {blocks.Count} has {size}");
                    next += size;
                }

                Assert.Equal(rows, next);
            }
        }
    }

    [Theory]
    [InlineData(50, 6)]           // 8 rows each
    [InlineData(197, 6)]          // one picture of ViT-B: 32 rows each
    [InlineData(3152, 17)]        // sixteen of them: 192 rows
    [InlineData(50_000, 196)]     // 256 rows
    public void Every_number_of_rows_gives_work_to_several_threads(long rows, int count) => Assert.Equal(count, new RowBlocks(rows).Count);

    [Fact]
    public void The_number_of_threads_changes_no_cut()
    {
        int threads = CpuParallel.Threads;
        try
        {
            (int Count, (long, int) Second)[] cuts = [.. new[] { 1, 2, 7, 64 }.Select(n =>
            {
                CpuParallel.Threads = n;
                return (new RowBlocks(1000).Count, new RowBlocks(1000)[1]);
            })];
            Assert.Single(cuts.Distinct());
        }
        finally
        {
            CpuParallel.Threads = threads;
        }
    }
}
