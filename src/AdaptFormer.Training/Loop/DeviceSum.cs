using System.Text;
using AdaptFormer.Distributed;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;

namespace AdaptFormer.Training.Loop;

/// <summary>
/// Sums gradients over ranks whose devices exchange numbers by themselves, one device a rank: the additions of <see cref="OrderedSum"/>, on
/// the devices.
/// </summary>
internal sealed class DeviceSum : RankSum
{
    private readonly Collective _ranks;
    private readonly TensorExchange _exchange;
    private readonly int _slice;
    private readonly Parameter _sums, _send, _received;
    private bool _any;

    private DeviceSum(Collective ranks, TensorExchange exchange, int length)
    {
        (_ranks, _exchange, _slice) = (ranks, exchange, (length + ranks.Size - 1) / ranks.Size);
        (_sums, _send, _received) = (Parameter.Zeros(_slice), Parameter.Zeros(_slice * ranks.Size), Parameter.Zeros(_slice * ranks.Size));
    }

    /// <summary>
    /// The sum of these ranks' gradients; null where they lie on the host, a device cannot exchange, or two ranks share one.
    /// </summary>
    /// <param name="gradients">This rank's.</param>
    /// <param name="ranks">The ranks, which all ask.</param>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public static DeviceSum? TryConnect(Tensor gradients, Collective ranks)
    {
        Backend backend = gradients.Device.Backend;
        byte[]? id = gradients.Device == Device.Host ? null : backend.NewExchangeId();
        string place = id is null ? "" : $"{Environment.MachineName} {gradients.Device.Name}";
        string[] places = [.. ranks.Gather(Encoding.UTF8.GetBytes(place)).Select(Encoding.UTF8.GetString)];
        if (places.Contains("") || places.Distinct().Count() < places.Length) return null;
        byte[] common = ranks.Broadcast(id);
        return InTime(ranks, () => new DeviceSum(
            ranks, backend.Connect(common, ranks.Rank, ranks.Size, ranks.Timeout), checked((int)gradients.Length)));
    }

    /// <inheritdoc/>
    public override void Begin() => _any = false;

    /// <inheritdoc/>
    public override void Add(Tensor own, int taking)
    {
        using TensorScope scope = new();
        new CopyCall(own, _send.View(own.Shape)).Run();
        _exchange.Exchange(_send, _received);
        for (int rank = 0; rank < taking; rank++)
        {
            Tensor vector = _received.View(_sums.Shape, (long)rank * _slice);
            if (rank == 0 && !_any) new CopyCall(vector, _sums).Run();
            else new AddIntoCall(_sums, vector).Run();
        }

        _any = true;
        Complete();
    }

    /// <inheritdoc/>
    public override void End(Tensor sum)
    {
        using TensorScope scope = new();
        _exchange.Gather(_sums, _received);
        new CopyCall(_received.View(sum.Shape), sum).Run();
        Complete();
    }

    /// <inheritdoc/>
    public override void Fast(Tensor values)
    {
        _exchange.Sum(values);
        Complete();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _exchange.Dispose();
        foreach (Parameter buffer in (Parameter[])[_sums, _send, _received]) buffer.Dispose();
    }

    private void Complete() => InTime(_ranks, () =>
    {
        _exchange.Complete(_ranks.Timeout);
        return true;
    });

    private static T InTime<T>(Collective ranks, Func<T> exchange)
    {
        try
        {
            return exchange();
        }
        catch (TimeoutException late)
        {
            throw new ExchangeException(
                $"{late.Message} at {ranks.Place}: the network is cut, or one of them hangs or is slower than cluster.timeout allows.",
                late);
        }
    }
}
