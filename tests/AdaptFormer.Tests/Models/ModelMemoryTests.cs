using AdaptFormer.Models;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors.Memory;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models;

[Collection(ProcessWideState.Name)]
public sealed class ModelMemoryTests
{
    [Fact]
    public void A_model_that_was_only_built_takes_next_to_no_memory_and_gives_it_back()
    {
        ProcessWideState.Settle();
        (long bytes, long buffers) = (BufferPool.LiveBytes, BufferPool.LiveBuffers);
        using (Backbone model = ModelZoo.Get("vit_huge_patch14_224").Create()) Assert.InRange(BufferPool.LiveBytes - bytes, 1, 4 << 20);
        Assert.Equal(buffers, BufferPool.LiveBuffers);
    }
}
