using System.Text.Json.Serialization;

namespace AdaptFormer.Training;

/// <summary>What becomes of the batches at the end of an epoch that are too few for a whole group of accumulated ones.</summary>
[JsonConverter(typeof(SnakeCaseEnum<AccumulateRest>))]
public enum AccumulateRest
{
    /// <summary>They make a step of their own, with the mean of their gradients; the learning rate follows the steps.</summary>
    Step,

    /// <summary>
    /// Their gradients are dropped, though they pass through the model (and its batch norms see them); the learning rate follows the
    /// batches. The AdaptFormer authors' loop, and MAE's.
    /// </summary>
    Drop,
}
