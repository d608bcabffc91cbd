using AdaptFormer.Distributed;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Training;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Outside.Tests;

/// <summary>A task: to tell the mean of a picture's numbers, with a head of one output; chosen by the mean squared error.</summary>
internal sealed class BrightnessTask(Backbone backbone) : TrainingTask, IDisposable
{
    private const string Error = "squared_error";
    private readonly WithHead _model = new(backbone);

    public override Backbone Backbone => backbone;

    public override Module Model => _model;

    public override Tensor Loss(BatchSource source, InputBatch batch, Tensor input, Rng rng, TrainingFigures figures)
    {
        Tensor loss = SquaredError(batch, input);
        figures.Add(Error, loss.Item(), batch.Count);
        return loss;
    }

    public override TaskScores Score(
        BatchSource source, Collective ranks, Action<double, int>? progress, CancellationToken cancellation)
    {
        (double sum, int images) = (0, 0);
        foreach (InputBatch batch in source.Epoch(0))
        {
            using InputBatch _ = batch;
            using TensorScope scope = new();
            sum += SquaredError(batch, batch.Input).Item() * batch.Count;
            images += batch.Count;
        }

        return new TaskScores(images, sum / images, new Dictionary<string, double> { [Error] = sum / images });
    }

    public override bool Better(TaskScores scores, TaskScores others) => scores[Error] < others[Error];

    public void Dispose() => _model.Dispose();

    private Tensor SquaredError(InputBatch batch, Tensor input)
    {
        float[] pixels = batch.Input.ToArray();
        int each = pixels.Length / batch.Count;
        float[] wanted = [.. pixels.Chunk(each).Select(picture => picture.Average())];
        Tensor told = _model.Head.Forward(backbone.Features(input, Slots.Attached));
        return told.MeanSquaredError(told.NewFrom(wanted, told.Shape));
    }

    private sealed class WithHead : Module
    {
        public WithHead(Backbone backbone)
        {
            Add("backbone", backbone);
            Head = Add("head", new Linear(backbone.NumFeatures, 1));
        }

        public Linear Head { get; }
    }
}
