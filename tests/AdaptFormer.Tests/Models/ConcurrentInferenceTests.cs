using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models;

public sealed class ConcurrentInferenceTests
{
    [Theory]
    [MemberData(nameof(CpuBackends.All), MemberType = typeof(CpuBackends))]
    public void Several_threads_on_one_model_get_the_bits_that_one_alone_gets(string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        foreach (DataType compute in new[] { DataType.Float32, DataType.BFloat16 })
        {
            using VisionTransformer model = TinyVit.Create(compute: compute);
            new AdaptFormerTuning(4).Attach(model, TinyVit.Classes, new Rng(0));
            Fill(new Rng(1), model);

            // A model that nobody has used yet packs its weights when all threads ask at once.
            float[][] together = new float[24][];
            Parallel.For(0, together.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => together[i] = Predict(model, i % 3));
            for (int i = 0; i < together.Length; i++) Assert.Equal(Predict(model, i % 3), together[i]);
            Assert.NotEqual(together[0], together[1]);
        }
    }

    private static float[] Predict(VisionTransformer model, int seed)
    {
        using TensorScope scope = new();
        return model.Forward(TinyVit.Pixels(seed)).ToArray();
    }

    private static void Fill(Rng rng, VisionTransformer model)
    {
        foreach ((_, Parameter parameter) in model.TrainableParameters()) parameter.Assign(GradCheck.Numbers(rng, (int)parameter.Length));
    }
}
