using AdaptFormer.Models;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Ops;

namespace AdaptFormer.Peft;

/// <summary>Parameters of one part of a model.</summary>
/// <param name="Name"><c>embedding</c>, <c>blocks</c>, <c>norm</c>, <c>pre_logits</c>, <c>method</c> or <c>head</c>.</param>
/// <param name="Total">All of them.</param>
/// <param name="Trainable">Those that train.</param>
public readonly record struct PartCount(string Name, long Total, long Trainable);

/// <summary>What one call needs.</summary>
/// <param name="Batch">Images per call.</param>
/// <param name="Macs">Multiply-adds that are really done, per image; the program leaves out what nothing reads.</param>
/// <param name="Bytes">Memory of tensors, weights and optimizer at the highest point, without the program itself.</param>
public readonly record struct CallCost(int Batch, long Macs, long Bytes)
{
    /// <summary>Seconds for one image on a machine that multiplies at <paramref name="flopsPerSecond"/> (two for each multiply-add),
    /// were there nothing but products. Of a small model they are fewer than the 100 ns that a <see cref="TimeSpan"/> can hold.</summary>
    public double SecondsPerImage(double flopsPerSecond) => 2.0 * Macs / flopsPerSecond;
}

/// <summary>A model and a method in figures, found by running both on a backend that only counts: no weights are needed and nothing is
/// computed.</summary>
/// <param name="Model">The backbone's id.</param>
/// <param name="Formula">The method as an equation.</param>
/// <param name="Classes">K.</param>
/// <param name="Parts">Parameters by part.</param>
/// <param name="Macs">Multiply-adds per image of all matrix products, attention's included: the count that papers give.</param>
/// <param name="FvcoreMacs">The same as the fvcore tool counts: five more for each number that a layer norm makes, one for a batch
/// norm's.</param>
/// <param name="AdapterBytes">Size of the adapter file, without label names and metrics.</param>
/// <param name="Predict">Cost of predicting.</param>
/// <param name="Train">Cost of a training step, with SGD and momentum.</param>
public sealed record ModelReport(
    string Model,
    string Formula,
    int Classes,
    IReadOnlyList<PartCount> Parts,
    long Macs,
    long FvcoreMacs,
    long AdapterBytes,
    CallCost Predict,
    CallCost Train)
{
    private const int HeaderBytesPerTensor = 75, HeaderBytes = 1050;     // beside a name; measured on files of this version

    /// <summary>All parameters.</summary>
    public long Total => Parts.Sum(part => part.Total);

    /// <summary>Those that train.</summary>
    public long Trainable => Parts.Sum(part => part.Trainable);

    /// <summary>The figures of <paramref name="tuning"/> on <paramref name="model"/>, which is only asked for its sizes.</summary>
    /// <param name="model">A backbone; its weights are not read.</param>
    /// <param name="tuning">The method.</param>
    /// <param name="classes">K.</param>
    /// <param name="batch">Images per training step and per prediction.</param>
    /// <param name="recomputesBlocks">Whether training computes blocks once more in its backward pass.</param>
    /// <exception cref="ArgumentException">An option of the method is out of range for this backbone.</exception>
    public static ModelReport Of(Backbone model, Tuning tuning, int classes, int batch = 16, bool recomputesBlocks = false)
    {
        using Backbone tuned = model.CreateEmpty();
        tuning.Attach(tuned, classes, new Rng(0));
        HashSet<string> saved = [.. AdapterFile.SavedShapes(model, tuning, classes).Keys];
        long savedBytes = tuned.State().Where(entry => saved.Contains(entry.Key)).Sum(entry => entry.Value.Tensor.Bytes);
        (long macs, long fvcore) = Nominal(tuned);
        return new ModelReport(
            model.Id, tuning.Formula, classes, CountParts(model, tuned), macs, fvcore,
            savedBytes + HeaderBytes + saved.Sum(name => name.Length + HeaderBytesPerTensor),
            PredictCost(tuned, batch), TrainCost(tuned, batch, recomputesBlocks));
    }

    private static PartCount[] CountParts(Backbone model, Backbone tuned)
    {
        using Backbone plain = model.CreateEmpty();
        HashSet<string> own = [.. plain.State().Select(entry => entry.Key)];
        return
        [
            .. tuned.Parameters().GroupBy(entry => PartOf(entry.Key, own))
                .Select(part => new PartCount(part.Key, part.Sum(entry => entry.Value.Length),
                    part.Where(entry => entry.Value.Trainable).Sum(entry => entry.Value.Length))),
        ];
    }

    private static string PartOf(string name, HashSet<string> own) => name.Split('.')[0] switch
    {
        "head" => "head",
        _ when !own.Contains(name) => "method",
        "blocks" or "layers" => "blocks",
        "norm" or "fc_norm" => "norm",
        "pre_logits" => "pre_logits",
        _ => "embedding",
    };

    /// <summary>One image with every token of every block, as the original programs compute it.</summary>
    private static (long Macs, long Fvcore) Nominal(Backbone tuned)
    {
        CountingBackend counting = new();
        using IDisposable use = Backend.Use(counting);
        using TensorScope scope = new();
        long unread = 0;
        tuned.Forward(Pixels(tuned, 1), (name, value) =>
        {
            // The originals normalise all tokens and then take the class token: one token for each patch is normalised in vain.
            if (name == "patch_embed" && tuned.ReadsClassToken) unread = value.Length;
        });
        return (counting.Macs, counting.Macs + (5 * (counting.LayerNormElements + unread)) + counting.BatchNormElements);
    }

    private static CallCost PredictCost(Backbone tuned, int batch)
    {
        bool[] trains = [.. tuned.Parameters().Select(entry => entry.Value.Trainable)];
        tuned.Freeze();
        CountingBackend counting = new();
        try
        {
            using IDisposable use = Backend.Use(counting);
            using TensorScope scope = new();
            tuned.Forward(Pixels(tuned, batch));
        }
        finally
        {
            foreach ((Parameter parameter, bool train) in tuned.Parameters().Select(entry => entry.Value).Zip(trains))
                parameter.Trainable = train;
        }

        return new CallCost(batch, counting.Macs / batch, counting.PeakBytes + counting.WeightBytes + SmallWeights(tuned));
    }

    private static CallCost TrainCost(Backbone tuned, int batch, bool recomputesBlocks)
    {
        CountingBackend counting = new();
        using IDisposable use = Backend.Use(counting);
        using TensorScope scope = new();
        using Tape tape = new(new Rng(0)) { RecomputesBlocks = recomputesBlocks };
        Tensor loss = tuned.Forward(tape.Watch(Pixels(tuned, batch))).SoftmaxCrossEntropy(new int[batch]);
        tape.Backward(loss);
        long learned = 3 * sizeof(float) * tuned.TrainableParameters().Sum(entry => entry.Value.Length);      // values, gradients, momentum
        return new CallCost(batch, counting.Macs / batch, counting.PeakBytes + counting.WeightBytes + SmallWeights(tuned) + learned);
    }

    /// <summary>Frozen weights that are read as they are: biases, norms, embeddings. Matrices stay resident in their packed form
    /// alone.</summary>
    private static long SmallWeights(Backbone tuned) =>
        tuned.Parameters().Where(entry => !entry.Value.Trainable && (entry.Value.Shape.Rank < 2 || entry.Key.EndsWith("embed",
            StringComparison.Ordinal) || entry.Key.EndsWith("table", StringComparison.Ordinal))).Sum(entry => entry.Value.Bytes);

    private static Tensor Pixels(Backbone model, int batch) => Tensor.Empty(new Shape([batch, .. model.InputShape]));
}
